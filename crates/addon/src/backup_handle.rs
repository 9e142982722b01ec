//! The backup calls of `NativeEngine`.
//!
//! Not the copying, which is TypeScript's. The one invariant: a plan holds files until `backupEnd`.

use crate::engine_handle::{NativeEngine, Thrown, live};
use crate::status::Refusal;
use millrace_engine::BackupPlan;
use napi::Env;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// The plan as one text: the mark, then a line for each file: bytes, flags (1 sealed, 2 derivable), path.
fn text_of(plan: &BackupPlan) -> String {
    let mut text = format!("{}\n", plan.mark);
    for file in &plan.files {
        let flags = u8::from(file.sealed) | u8::from(file.derivable) << 1;
        text.push_str(&format!("{} {flags} {}\n", file.bytes, file.path.display()));
    }
    text
}

#[napi]
impl NativeEngine {
    /// Begins a backup; false: not now.
    #[napi]
    pub fn backup_begin(&self, env: Env) -> Result<bool, Thrown> {
        let begun = self.call(env.raw(), |state| Ok(live(state)?.backup_begin()))?;
        self.queued();
        Ok(begun.unwrap_or(false))
    }

    /// Nothing while it is not ready; then the list of files as text, and the manifest.
    #[napi]
    pub fn backup_plan(&self, env: Env) -> Result<Vec<Uint8Array>, Thrown> {
        let plan = self.call(env.raw(), |state| {
            let plan = live(state)?.backup_plan();
            plan.map_err(|error| Refusal::argument(&error.to_string()))
        })?;
        let parts = plan.flatten().map(|plan| vec![text_of(&plan).into_bytes().into(), plan.manifest.into()]);
        Ok(parts.unwrap_or_default())
    }

    /// Ends a backup, made or not.
    #[napi]
    pub fn backup_end(&self, env: Env) -> Result<(), Thrown> {
        self.call(env.raw(), |state| {
            live(state)?.backup_end();
            Ok(())
        })?;
        self.queued();
        Ok(())
    }
}
