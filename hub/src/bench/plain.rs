//! What keeping something costs at the least: a plain file, one write and one fdatasync for all
//! that waits.
use super::BenchError;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Appends that wait for their sync at the most: a bound, far above the load's connections.
const WAITING_MAX: usize = 4_096;

struct Append {
    bytes: Vec<u8>,
    durable: oneshot::Sender<Result<(), String>>,
}

/// A file that is appended to. Ends with its last handle.
pub(super) struct PlainFile {
    queue: Option<mpsc::SyncSender<Append>>,
    writer: Option<JoinHandle<()>>,
}

impl PlainFile {
    /// A new file.
    pub(super) fn create(path: &Path) -> Result<Self, BenchError> {
        let mut file = File::create(path).map_err(BenchError::io("create its plain file"))?;
        let (queue, waiting) = mpsc::sync_channel::<Append>(WAITING_MAX);
        let write = move || {
            let mut buffer = Vec::new();
            while let Ok(first) = waiting.recv() {
                let group: Vec<Append> = std::iter::once(first).chain(waiting.try_iter()).collect();
                buffer.clear();
                group.iter().for_each(|append| buffer.extend_from_slice(&append.bytes));
                let written = file.write_all(&buffer).and_then(|()| file.sync_data());
                for append in group {
                    let told = match &written {
                        Ok(()) => Ok(()),
                        Err(error) => Err(error.to_string()),
                    };
                    // Whoever does not wait any more need not know.
                    let _gone = append.durable.send(told);
                }
            }
        };
        let writer = std::thread::Builder::new()
            .name("bench-plain".to_owned())
            .spawn(write)
            .map_err(BenchError::io("start its plain file's writer"))?;
        Ok(Self { queue: Some(queue), writer: Some(writer) })
    }

    /// Appends; ready once durable.
    pub(super) async fn append(&self, bytes: Vec<u8>) -> Result<(), String> {
        let (durable, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or("it is closed")?;
        queue.try_send(Append { bytes, durable }).map_err(|e| e.to_string())?;
        answer.await.map_err(|e| e.to_string())?
    }
}

impl Drop for PlainFile {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ended = writer.join();
        }
    }
}
