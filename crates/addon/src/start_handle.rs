//! `NativeEngine.start`: the device begins while JavaScript goes on.

use crate::engine_handle::{NativeEngine, Thrown, live};
use napi::Env;
use napi_derive::napi;

#[napi]
impl NativeEngine {
    /// Hands what was committed to the device now; otherwise that happens when the running callback has ended, or before
    /// the loop blocks.
    #[napi]
    pub fn start(&self, env: Env) -> Result<(), Thrown> {
        self.call(env.raw(), |state| {
            live(state)?.start();
            Ok(())
        })?;
        Ok(())
    }
}
