//! What one seed draws: the device, the engine's settings, the planted bug if any.

use super::Draw;
use millrace_engine::{EngineConfig, Limits, PartitionSettings, Policy};
use millrace_io::SimOptions;
use std::fmt;

/// A known bug to be found. Without the feature `planted` only `Nothing` exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    #[default]
    Nothing,
    #[cfg(feature = "planted")]
    AcknowledgeBeforeFlush,
    #[cfg(feature = "planted")]
    AcceptStaleLap,
    #[cfg(feature = "planted")]
    RetryFailedFlush,
    #[cfg(feature = "planted")]
    FlushBeforeShortWriteContinued,
    #[cfg(feature = "planted")]
    DirectorySyncLeftOut,
    #[cfg(feature = "planted")]
    AcknowledgeBeforeBulkFlush,
    #[cfg(feature = "planted")]
    TrustReferences,
    #[cfg(feature = "planted")]
    RemoveNamedFiles,
    #[cfg(feature = "planted")]
    AcknowledgeOutOfOrder,
    #[cfg(feature = "planted")]
    Engine(millrace_engine::look_planted::PlantedBug),
}

/// Device and settings of one seed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub device: SimOptions,
    pub config: EngineConfig,
    pub partitions: u64,
    pub largest_value: u64,
    /// What every partition may keep.
    pub settings: PartitionSettings,
    /// The device fails operations too: then an engine may be poisoned.
    pub errors: bool,
}

impl Plan {
    pub fn draw(seed: u64, plant: Plant) -> Plan {
        let mut draw = Draw::new(seed ^ 0x6f70_7469_6f6e);
        let errors = draw.one_in(4);
        let device = if errors { SimOptions::random_with_errors(seed) } else { SimOptions::random(seed) };
        let policy = match draw.below(6) {
            0 | 1 => Policy::ALWAYS,
            2 => Policy { records: 1 + draw.below(12), ..Policy::OS },
            3 => Policy { bytes: 200 + draw.below(8_000), ..Policy::OS },
            4 => Policy { interval_ns: 1_000_000 + draw.below(20_000_000), ..Policy::OS },
            _ => Policy::OS,
        };
        let mut config = EngineConfig {
            policy,
            journal_file_bytes: draw.pick(&[16 << 10, 32 << 10, 64 << 10]),
            journal_files: draw.pick(&[3, 4, 6]),
            memory_bytes: draw.pick(&[8 << 10, 64 << 10, 1 << 20]),
            settle_bytes: draw.pick(&[1 << 10, 8 << 10, 24 << 10]),
            own_segment_bytes: draw.pick(&[512, 2 << 10, 16 << 10]),
            segment_bytes: draw.pick(&[1 << 10, 8 << 10, 1 << 20]),
            bulk_bytes: draw.pick(&[0, 300, 300, 1_500]),
            large_bytes: 0,
            index_interval_bytes: draw.pick(&[256, 1 << 10, 4 << 10]),
            read_ahead_bytes: 0,
            fresh_directory_id: *b"a simulated disk",
            fresh_cluster_id: *b"one test cluster",
            node_id: 1,
            #[cfg(feature = "planted")]
            planted: millrace_engine::Planted::default(),
        };
        let partitions = 1 + draw.below(5);
        let largest_value = draw.pick(&[40, 400, 3_000]);
        let limits = Limits {
            // Timestamps of the model's batches lie below a million.
            retention_ms: draw.pick(&[None, Some(100_000), Some(900_000)]),
            retention_bytes: draw.pick(&[None, None, Some(500), Some(20_000)]),
            segment_bytes: draw.pick(&[None, Some(1_000)]),
            segment_ms: draw.pick(&[None, Some(200_000)]),
            ..Limits::default()
        };
        let settings = PartitionSettings { limits, flush: None };
        config.read_ahead_bytes = draw.pick(&[0, 1 << 20, 8 << 20]);
        let mut plan = Plan { device, config, partitions, largest_value, settings, errors };
        plan.plant(plant);
        plan
    }

    #[cfg(not(feature = "planted"))]
    fn plant(&mut self, plant: Plant) {
        assert_eq!(plant, Plant::Nothing);
    }

    #[cfg(feature = "planted")]
    fn plant(&mut self, plant: Plant) {
        use millrace_io::planted::PlantedBug;
        if let Plant::Engine(bug) = plant {
            millrace_engine::look_planted::plant(Some(bug));
        }
        match plant {
            Plant::Nothing | Plant::Engine(_) => {}
            Plant::AcknowledgeBeforeFlush => self.config.planted.acknowledge_before_flush = true,
            Plant::AcceptStaleLap => self.config.planted.accept_stale_lap = true,
            Plant::RetryFailedFlush => self.config.planted.retry_failed_flush = true,
            Plant::FlushBeforeShortWriteContinued => {
                self.device.planted = Some(PlantedBug::FlushBeforeShortWriteContinued);
            }
            Plant::AcknowledgeBeforeBulkFlush => self.config.planted.acknowledge_before_bulk_flush = true,
            Plant::TrustReferences => self.config.planted.trust_references = true,
            Plant::AcknowledgeOutOfOrder => self.config.planted.acknowledge_out_of_order = true,
            Plant::RemoveNamedFiles => self.config.planted.remove_named_files = true,
            Plant::DirectorySyncLeftOut => self.device.planted = Some(PlantedBug::DirectorySyncLeftOut),
        }
    }

    /// The device without failing operations, for opening and for the calm at the end.
    pub fn calm(&self, device: &mut SimOptions) {
        (device.read_errors, device.write_errors, device.flush_failures) = (0, 0, 0);
        device.space = None;
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device: {}; engine: {:?}; ", self.device, self.config)?;
        write!(f, "partitions={} largest_value={} ", self.partitions, self.largest_value)?;
        write!(f, "settings={:?}", self.settings)
    }
}
