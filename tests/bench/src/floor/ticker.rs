//! The floors' own 1 ms ticker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wasmtime::Engine;

/// Advances the epochs of some engines each millisecond, until it is dropped.
pub struct Ticker {
    ticked: Ticked,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The engines of a ticker.
#[derive(Clone, Default)]
pub struct Ticked(Arc<Mutex<Vec<Engine>>>);

impl Ticked {
    pub fn add(&self, engine: Engine) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(engine);
    }

    fn tick(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Engine::increment_epoch);
    }
}

impl Ticker {
    /// Without an engine yet.
    pub fn new() -> Ticker {
        let (ticked, stop) = (Ticked::default(), Arc::new(AtomicBool::new(false)));
        let (of_thread, stopped) = (ticked.clone(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
                of_thread.tick();
            }
        });
        Ticker { ticked, stop, thread: Some(thread) }
    }

    /// Of one engine.
    pub fn start(engine: &Engine) -> Ticker {
        let ticker = Ticker::new();
        ticker.ticked.add(engine.clone());
        ticker
    }

    /// Where more engines are added.
    pub fn ticked(&self) -> Ticked {
        self.ticked.clone()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the ticker does not panic");
        }
    }
}
