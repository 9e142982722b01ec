//! Reports and errors of the layers below, as plain objects and coded refusals. Conversion only.

use crate::plan::unsigned;
use crate::status::Refusal;
use millrace_engine::manifest::ManifestError;
use millrace_engine::{DumpError, EngineError, Line, RecoveryAccount};
use millrace_io::{IoError, IoErrorKind, OpenError, ProbeReport};
use millrace_journal::OpenError as JournalOpenError;
use napi_derive::napi;

/// `DriverReport` of ts/io/native-types.ts.
#[napi(object)]
#[derive(Clone)]
pub struct DriverReport {
    pub driver: String,
    pub reason: String,
    pub direct: bool,
    pub detail: String,
}

/// Which driver, why, and how.
pub(crate) fn driver(report: &millrace_io::DriverReport) -> DriverReport {
    let mut detail = vec![format!("in flight at most {}", report.in_flight_max)];
    if report.alignment > 0 {
        detail.push(format!("alignment {}", report.alignment));
    }
    if !report.flags.is_empty() {
        detail.push(format!("flags {}", report.flags.join(" ")));
    }
    if !report.missing.is_empty() {
        detail.push(format!("helped out with {}", report.missing.join(" ")));
    }
    if !report.direct {
        detail.push(format!("through the page cache: {}", report.direct_reason));
    }
    DriverReport {
        driver: report.kind.to_string(),
        reason: report.reason.clone(),
        direct: report.direct,
        detail: detail.join(", "),
    }
}

/// One place that does not verify.
#[napi(object)]
pub struct Damage {
    pub file: String,
    pub position: f64,
    pub detail: String,
}

/// `RecoveryAccount` of ts/io/native-types.ts.
#[napi(object)]
pub struct Account {
    pub clean: bool,
    pub ended: String,
    pub verdict: String,
    pub incarnation: u32,
    pub directory_id: String,
    pub frames_replayed: f64,
    pub kept_bytes: f64,
    pub cut_bytes: f64,
    pub cut_frames: f64,
    pub cut_records: f64,
    pub duration_ms: f64,
    pub partitions: f64,
    pub damage: Vec<Damage>,
}

pub(crate) fn account(account: &RecoveryAccount) -> Account {
    let damage = account.damage.iter().map(|damage| Damage {
        file: damage.file.clone(),
        position: unsigned(damage.position),
        detail: damage.detail.clone(),
    });
    Account {
        clean: account.clean,
        ended: account.ended.word().to_owned(),
        verdict: account.verdict(),
        incarnation: account.incarnation,
        directory_id: account.directory_id.iter().map(|byte| format!("{byte:02x}")).collect(),
        frames_replayed: unsigned(account.frames_replayed),
        kept_bytes: unsigned(account.kept_bytes),
        cut_bytes: unsigned(account.cut_bytes),
        cut_frames: unsigned(account.cut_frames),
        cut_records: unsigned(account.cut_records()),
        duration_ms: unsigned(account.duration_ns) / 1e6,
        partitions: unsigned(account.partitions),
        damage: damage.collect(),
    }
}

fn io_code(error: &IoError) -> &'static str {
    if error.kind == IoErrorKind::NoSpace { "NO_SPACE" } else { "IO" }
}

/// A coded refusal for an errno.
pub(crate) fn io_refusal(error: &IoError) -> Refusal {
    Refusal { code: io_code(error), message: error.to_string(), errno: error.errno }
}

/// Why a data directory could not be opened.
pub(crate) fn open_refusal(error: &OpenError) -> Refusal {
    match error {
        OpenError::Locked { .. } => Refusal::new("LOCKED", error.to_string()),
        OpenError::RingRefused(_) => Refusal::new("DRIVER", error.to_string()),
        OpenError::Io(io) => io_refusal(io),
        _ => Refusal::new("IO", error.to_string()),
    }
}

/// Why an engine could not be opened.
pub(crate) fn engine_refusal(error: &EngineError) -> Refusal {
    let code = match error {
        EngineError::Io(io) | EngineError::Journal(JournalOpenError::Io(io)) => return io_refusal(io),
        EngineError::Manifest(ManifestError::Newer(_))
        | EngineError::Journal(JournalOpenError::NewerFormat { .. }) => "FORMAT",
        EngineError::Setting(_) => "ARGUMENT",
        _ => "DAMAGED",
    };
    Refusal::new(code, error.to_string())
}

/// Why a file cannot be described.
pub(crate) fn dump_refusal(error: &DumpError) -> Refusal {
    match error {
        DumpError::Io(io) => {
            let errno = io.raw_os_error().unwrap_or(0);
            Refusal { code: "IO", message: io.to_string(), errno }
        }
        DumpError::Manifest(ManifestError::Newer(_)) => Refusal::new("FORMAT", error.to_string()),
        _ => Refusal::new("DAMAGED", error.to_string()),
    }
}

/// What a machine offers, as JSON; what it does not say is left out.
pub(crate) fn probe_text(report: &ProbeReport) -> String {
    let driver = if report.ring_available { "ring" } else { "pool" };
    let alignment = format!("alignment {} bytes", report.direct_alignment);
    let detail = if report.direct { alignment } else { report.direct_reason.clone() };
    let mut line = Line::of("probe")
        .text("driver", driver)
        .text("reason", &report.ring_reason)
        .flag("direct", report.direct)
        .text("detail", &detail)
        .text("kernel", &report.kernel)
        .text("ringFlags", &report.ring_flags.join(" "))
        .text("ringMissing", &report.ring_missing.join(" "))
        .text("fileSystem", &report.file_system)
        .number("directAlignment", u64::from(report.direct_alignment))
        .number("memlockBytes", report.memlock_bytes)
        .number("openFilesMax", report.open_files_max)
        .number("freeBytes", report.free_bytes)
        .number("totalBytes", report.total_bytes);
    if let Some(cache) = &report.write_cache {
        line = line.text("writeCache", cache);
    }
    if let Some(access) = report.forced_unit_access {
        line = line.flag("forcedUnitAccess", access);
    }
    let numbers = [
        ("logicalBlockBytes", report.logical_block_bytes.map(u64::from)),
        ("physicalBlockBytes", report.physical_block_bytes.map(u64::from)),
        ("nrRequests", report.nr_requests.map(u64::from)),
        ("flushP50Ns", report.flush_p50_ns),
        ("durableWriteP50Ns", report.durable_write_p50_ns),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            line = line.number(name, value);
        }
    }
    if let Some(failure) = &report.flush_failure {
        line = line.text("flushFailure", failure);
    }
    line.finish()
}
