//! A real file system on a device whose flushes fail: made, mounted on a loop device, and mounted again after a power cut.
//!
//! The invariant: whatever happens, what was mounted and attached is unmounted and detached in the end.

use crate::fuse::Device;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// File systems that lie on real devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Ext4,
    Xfs,
    Btrfs,
}

impl System {
    pub const ALL: [System; 3] = [System::Ext4, System::Xfs, System::Btrfs];

    pub fn name(self) -> &'static str {
        match self {
            System::Ext4 => "ext4",
            System::Xfs => "xfs",
            System::Btrfs => "btrfs",
        }
    }

    /// Smallest device that its maker takes, in bytes.
    pub fn bytes(self) -> u64 {
        match self {
            System::Ext4 => 64 << 20,
            System::Xfs => 320 << 20,
            System::Btrfs => 128 << 20,
        }
    }

    fn maker(self) -> (&'static str, &'static [&'static str]) {
        match self {
            System::Ext4 => ("mkfs.ext4", &["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
            System::Xfs => ("mkfs.xfs", &["-q", "-f"]),
            System::Btrfs => ("mkfs.btrfs", &["-q", "-f"]),
        }
    }

    /// Whether this machine can make one.
    pub fn is_here(self) -> bool {
        Command::new(self.maker().0).arg("-V").output().is_ok()
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::other(format!("{program} {arguments:?}: {said}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::from(ErrorKind::InvalidInput))
}

/// A mounted file system.
pub struct Volume {
    system: System,
    root: PathBuf,
    pub device: Device,
    /// The loop device, while it is attached.
    attached: Option<String>,
    mounted: bool,
}

impl Volume {
    /// Makes one below an empty folder.
    pub fn make(system: System, folder: &Path) -> Result<Volume> {
        let (below, root) = (folder.join("below"), folder.join("mounted"));
        std::fs::create_dir_all(&below)?;
        std::fs::create_dir_all(&root)?;
        let device = Device::mount(&below, system.bytes())?;
        let mut volume = Volume { system, root, device, attached: None, mounted: false };
        let node = volume.attach()?;
        let (maker, options) = system.maker();
        run(maker, &[options, &[node.as_str()]].concat())?;
        volume.mount(&node)?;
        Ok(volume)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn attach(&mut self) -> Result<String> {
        let node = run("losetup", &["--find", "--show", text(&self.device.path())?])?;
        self.attached = Some(node.clone());
        Ok(node)
    }

    fn mount(&mut self, node: &str) -> Result<()> {
        run("mount", &["-t", self.system.name(), node, text(&self.root)?])?;
        self.mounted = true;
        Ok(())
    }

    fn take_away(&mut self) -> Result<()> {
        if std::mem::take(&mut self.mounted) {
            run("umount", &[text(&self.root)?])?;
        }
        if let Some(node) = self.attached.take() {
            run("losetup", &["--detach", &node])?;
        }
        Ok(())
    }

    /// Cuts the power: nothing that the file system writes while it is taken away reaches the device. Then mounts it again.
    pub fn cut_and_mount(&mut self) -> Result<()> {
        self.device.fail(crate::fuse::Failing::ForEver(0));
        self.take_away()?;
        self.device.cut();
        let node = self.attach()?;
        self.mount(&node)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if let Err(error) = self.take_away() {
            eprintln!("left behind: {error}");
        }
    }
}
