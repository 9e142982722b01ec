//! The simulated disk: a driver below the layer that continues short writes, so that what is proven on it is proven
//! for the code that runs on real disks. Deterministic by seed.

mod damage;
mod driver;
mod file;
mod handle;
mod image;
mod names;
mod options;
mod perform;
mod random;
mod world;

pub use damage::{Damage, DamageKind};
pub(crate) use driver::SimDriver;
pub use handle::SimHandle;
pub use options::{FailAt, SimOptions};
pub use random::Random;
