//! The process's engine: a pool of instances, a ticking epoch, and who may call now.
use crate::limits::Limits;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

/// The epoch moves this often; deadlines are counted in it.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Memory that a slot keeps between two calls and clears by hand: above what the SDK's connectors
/// start with (192 KiB), so that a call asks the kernel for nothing. A guest that takes more gives
/// the rest back to the kernel, which makes its calls two to three times as slow. `pagemap_scan`
/// would halve that, and costs every small guest 0.6 of its 11 µs: it is off.
const KEEP_RESIDENT_BYTES: usize = 512 * 1024;
/// The same for a table: 8,000 functions, where the SDK's connectors have a few hundred.
const KEEP_RESIDENT_TABLE_BYTES: usize = 64 * 1024;
/// Core modules in one component. The SDK's have three: the connector, and two shims that the
/// encoder adds. Times the slots it is what the pool holds, so that no component can use up what
/// others need.
const CORE_INSTANCES_MAX: u32 = 8;
/// Tables in one component; the SDK's have two.
const TABLES_MAX: u32 = 4;
/// Stack of a guest.
const STACK_BYTES: usize = 512 * 1024;

/// How to make a sandbox.
#[derive(Debug, Clone, Default)]
pub struct SandboxConfig {
    /// Where compiled components are kept; nowhere if absent. Whoever can write there can run code
    /// in this process: it is created for its owner alone.
    pub cache_dir: Option<PathBuf>,
    /// Limits on every call.
    pub limits: Limits,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[error("wasmtime's engine could not be made: {0}")]
pub struct SandboxError(String);

/// Loads and runs components.
pub struct Sandbox {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cache_dir: Option<PathBuf>,
    ticking: Arc<AtomicBool>,
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub limits: Limits,
    pub turns: Turns,
}

impl Sandbox {
    /// Makes the process's sandbox.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let engine = engine(&config.limits).map_err(|e| SandboxError(format!("{e:#}")))?;
        let ticking = Arc::new(AtomicBool::new(true));
        let (ticker, on) = (engine.clone(), ticking.clone());
        std::thread::Builder::new()
            .name("sandbox-epoch".to_owned())
            .spawn(move || {
                while on.load(Relaxed) {
                    std::thread::sleep(TICK);
                    ticker.increment_epoch();
                }
            })
            .map_err(|e| SandboxError(format!("the epoch's thread: {e}")))?;
        let turns = Turns::new(config.limits.instances_max);
        let shared = Arc::new(Shared { engine, limits: config.limits, turns });
        Ok(Self { shared, cache_dir: config.cache_dir, ticking })
    }

    /// Limits on every call.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ticking.store(false, Relaxed);
    }
}

fn engine(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // Spare slots: one that was just given back may still be on its way.
    let slots = limits.instances_max + 8;
    pool.total_component_instances(slots)
        .total_core_instances(slots * CORE_INSTANCES_MAX)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .total_memories(slots)
        .max_memories_per_component(1)
        .max_memory_size(limits.memory_bytes_max)
        .total_tables(slots * TABLES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_TABLE_BYTES)
        .pagemap_scan(Enabled::No);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// A counting semaphore for blocking threads: over-subscribing the pool is an error, not a queue.
pub(crate) struct Turns {
    free: Mutex<u32>,
    given_back: Condvar,
}

pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    fn new(all: u32) -> Self {
        Self { free: Mutex::new(all), given_back: Condvar::new() }
    }

    /// Waits for a turn, but not for ever.
    pub fn take(&self, wait: Duration) -> Option<Turn<'_>> {
        let deadline = Instant::now() + wait;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            let left = deadline.checked_duration_since(Instant::now())?;
            free =
                self.given_back.wait_timeout(free, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= 1;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given_back.notify_one();
    }
}
