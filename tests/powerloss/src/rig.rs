//! Runs a child with the recorder preloaded, and proves that nothing escaped the recorder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::check::{Acked, Work};
use crate::disk::{Beliefs, Disk, contents};
use crate::trace::{self, Event};

const LIBRARY: &str = "libhub_powerloss_interpose.so";

/// How long a recorded sync takes, so that writes overlap with it as they do on a real disk.
const SYNC_US: &str = "300";

/// The program that plays the child, and the recorder.
#[derive(Debug, Clone)]
pub struct Rig {
    program: PathBuf,
    library: PathBuf,
}

/// A child's run: the disk before, what was done to it, and the disk after.
pub struct Recording {
    /// Holds all of it; removed when dropped.
    pub dir: TempDir,
    /// In order.
    pub events: Vec<Event>,
}

impl Recording {
    /// The disk as it was before the run.
    pub fn base(&self) -> PathBuf {
        self.dir.path().join("base")
    }

    /// The disk after the run, with all that was written.
    pub fn disk(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// Keeps it, with what was acknowledged before it.
    pub fn keep(self, before: &Acked) -> Result<Kept> {
        let marks: Vec<_> =
            before.0.iter().map(|(w, n)| format!("acked {w} {}\n", n - 1)).collect();
        fs::write(self.dir.path().join("before"), marks.concat())?;
        Ok(Kept(self.dir.keep()))
    }
}

/// A recording that stays, because it shows a failure.
pub struct Kept(PathBuf);

impl Kept {
    /// The command that shows it again.
    pub fn again(&self, at: usize, seed: u64, work: Work) -> String {
        let model = match work {
            Work::Model(seed) => format!(" --model {seed}"),
            Work::Writers => String::new(),
        };
        let dir = self.0.display();
        format!("powerloss repeat {dir} --at {at} --seed {seed}{model}")
    }
}

impl Rig {
    /// `program` is the `powerloss` binary, which cargo put beside the recorder: it builds the
    /// library of a dependency together with whatever depends on it.
    pub fn new(program: impl Into<PathBuf>) -> Result<Self> {
        ensure!(
            cfg!(all(target_os = "linux", target_pointer_width = "64")),
            "the recorder knows the system calls of 64-bit Linux only"
        );
        let program = program.into();
        let at = program.parent().context("the program has no directory")?;
        let places = [at.to_path_buf(), at.join("deps"), at.join("../deps"), at.join("..")];
        let found = places.iter().map(|place| place.join(LIBRARY)).filter(|file| file.is_file());
        let newest = found.max_by_key(|file| fs::metadata(file).and_then(|m| m.modified()).ok());
        let library =
            newest.with_context(|| format!("{LIBRARY} is not beside {}", program.display()))?;
        Ok(Self { program, library: library.canonicalize()? })
    }

    /// Runs a child on a copy of a disk (an empty one without), and reads what it did.
    pub fn record(&self, from: Option<&Path>, args: &[String]) -> Result<Recording> {
        let dir = scratch()?;
        let root = dir.path().canonicalize()?;
        for copy in ["base", "disk"] {
            fs::create_dir(root.join(copy))?;
            if let Some(from) = from {
                copy_dir(from, &root.join(copy))?;
            }
        }
        let disk = root.join("disk");
        let output = Command::new(&self.program)
            .arg("child")
            .args(args)
            .arg("--disk")
            .arg(&disk)
            .env("LD_PRELOAD", &self.library)
            .env("POWERLOSS_ROOT", &disk)
            .env("POWERLOSS_TRACE", root.join("trace"))
            .env("POWERLOSS_MARKS", root.join("marks"))
            .env("POWERLOSS_SYNC_US", SYNC_US)
            .output()
            .with_context(|| format!("starting {}", self.program.display()))?;
        succeeded(&output)?;
        let events = trace::read(&root.join("trace"))?;
        for event in &events {
            if let Event::Unknown(what) = event {
                bail!("the recorder does not follow {what}: teach it, or this proves nothing");
            }
        }
        let recording = Recording { dir, events };
        is_complete(&recording.base(), &recording.events, &recording.disk())?;
        Ok(recording)
    }

    /// Runs a child without the recorder, on a small disk of its own that is gone with it.
    /// `None` where mounting one is not allowed.
    pub fn on_small_disk(&self, megabytes: u32, args: &[&str]) -> Result<Option<Output>> {
        let dir = scratch()?;
        let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$1\"");
        let shell = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", script, "sh"]).arg(dir.path()).arg(&self.program);
            command
        };
        match shell(&mount).output() {
            Ok(output) if output.status.success() => {}
            _ => return Ok(None),
        }
        let script = format!("{mount} && disk=$1 && shift && exec \"$@\" --disk \"$disk\"");
        let output = shell(&script).arg("child").args(args).output()?;
        succeeded(&output)?;
        Ok(Some(output))
    }
}

fn succeeded(output: &Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the child failed ({}): {said}", output.status);
    Ok(())
}

/// Whether the trace says everything: replayed, it must give the directory byte for byte.
pub fn is_complete(base: &Path, events: &[Event], after: &Path) -> Result<()> {
    let mut disk = Disk::new(base, Beliefs::SOUND)?;
    events.iter().for_each(|event| disk.apply(event));
    let (told, real) = (disk.live(), contents(after)?);
    let names = |of: &std::collections::BTreeMap<PathBuf, _>| -> Vec<PathBuf> {
        of.keys().cloned().collect()
    };
    ensure!(
        told.keys().eq(real.keys()),
        "something escaped the recorder: by its trace there is {:?}, and really {:?}",
        names(&told),
        names(&real)
    );
    for (path, content) in &real {
        ensure!(told[path] == *content, "a write to {} escaped the recorder", path.display());
    }
    Ok(())
}

/// A directory for one case: in memory if there is plenty, since the checks sync a lot.
pub fn scratch() -> Result<TempDir> {
    const PLENTY: u64 = 2 << 30;
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let place = match (std::env::var_os("POWERLOSS_TMP"), free) {
        (Some(place), _) => PathBuf::from(place),
        (None, Ok(free)) if free > PLENTY => memory.to_path_buf(),
        _ => std::env::temp_dir(),
    };
    Ok(tempfile::Builder::new().prefix("powerloss-").tempdir_in(place)?)
}

/// Copies what is below one directory into another.
pub fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    for (path, content) in contents(from)? {
        match content {
            _ if path.as_os_str().is_empty() => {}
            None => fs::create_dir_all(to.join(path))?,
            Some(content) => crate::disk::write_sparse(&to.join(path), &content)?,
        }
    }
    Ok(())
}
