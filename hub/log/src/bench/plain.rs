//! The control: the same queue and threads over a plain file. What it takes is what a durable
//! append must take.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::BenchError;
use super::load::{Answer, Target};
use crate::pipeline::{self, Build, Finish};
use crate::queue::{Queue, Weigh};

/// See the module.
pub(super) struct PlainFile {
    queue: Arc<Queue<Line>>,
    threads: Vec<JoinHandle<()>>,
}

struct Line {
    body: Bytes,
    reply: oneshot::Sender<Result<(), String>>,
}

impl Weigh for Line {
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

impl PlainFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = Arc::new(OpenOptions::new().create(true).append(true).open(path)?);
        let queue = Arc::new(Queue::new(usize::MAX, usize::MAX));
        let writer = Writer { file: file.clone(), buffer: Vec::new() };
        let syncer = Syncer { file, failure: OnceLock::new() };
        let threads = pipeline::start("plain-writer", &queue, writer, syncer)?;
        Ok(Self { queue, threads })
    }
}

impl Target for PlainFile {
    fn append(&self, _number: u64, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let failed = |detail| BenchError::Append { what: "plain file", detail };
        let pushed = self.queue.push(Line { body, reply });
        Box::pin(async move {
            pushed.map_err(|refused| failed(format!("{refused:?}")))?;
            let done = answer.await.unwrap_or_else(|_| Err("its writer ended".into()));
            done.map_err(failed)
        })
    }
}

impl Drop for PlainFile {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

struct Writer {
    file: Arc<File>,
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Written {
    replies: Vec<oneshot::Sender<Result<(), String>>>,
    failure: Option<String>,
}

impl Build for Writer {
    type Job = Line;
    type Group = Written;

    fn build(&mut self, jobs: Vec<Line>, bytes: usize, group: &mut Written) {
        self.buffer.clear();
        self.buffer.reserve(bytes);
        for job in jobs {
            self.buffer.extend_from_slice(&job.body);
            group.replies.push(job.reply);
        }
        if let Err(error) = (&*self.file).write_all(&self.buffer) {
            group.failure = Some(error.to_string());
        }
    }
}

struct Syncer {
    file: Arc<File>,
    failure: OnceLock<String>,
}

impl Finish<Written> for Syncer {
    type Outcome = Result<(), String>;

    fn sync(&self, group: &Written) -> Result<(), String> {
        let synced = match (&group.failure, self.failure.get()) {
            (Some(failure), _) | (None, Some(failure)) => Err(failure.clone()),
            (None, None) => self.file.sync_data().map_err(|e| e.to_string()),
        };
        if let Err(failure) = &synced {
            self.failure.get_or_init(|| failure.clone());
        }
        synced
    }

    fn answer(&self, group: Written, synced: Result<(), String>) {
        for reply in group.replies {
            let _gone = reply.send(synced.clone());
        }
    }

    fn panicked(&self) {
        self.failure.get_or_init(|| "its writer panicked".into());
    }
}
