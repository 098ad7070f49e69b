//! A scratch directory, and `opex` run in it.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The set that is in this repository.
pub const BITSTAMP: &str = "bitstamp-btcusd-20260502";

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a run of `opex` gave.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

impl Outcome {
    /// The JSON object in the last line.
    pub fn json(&self) -> serde_json::Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Runs `opex`.
pub fn opex(arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_opex")).args(arguments).output().expect("run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("utf-8");
    Outcome { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
}

/// A directory of one test, removed at its end.
pub struct Scene(PathBuf);

impl Scene {
    /// An empty one.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
        if path.exists() {
            fs::remove_dir_all(&path).expect("remove what an earlier run left");
        }
        fs::create_dir_all(&path).expect("create");
        Self(path)
    }

    /// One with a copy of the data set in it.
    pub fn with_set(name: &str) -> Self {
        let scene = Self::new(name);
        for entry in fs::read_dir(repository("tests/data")).expect("data") {
            let entry = entry.expect("entry");
            if entry.file_name().to_string_lossy().starts_with(BITSTAMP) {
                fs::copy(entry.path(), scene.0.join(entry.file_name())).expect("copy");
            }
        }
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The path as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("utf-8").to_owned()
    }

    /// The data set as an argument.
    pub fn set(&self) -> String {
        self.text(BITSTAMP)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("write");
    }

    /// Changes the text of the set's meta file.
    pub fn change_meta(&self, change: impl FnOnce(String) -> String) {
        let path = self.path(&format!("{BITSTAMP}.meta.json"));
        let text = fs::read_to_string(&path).expect("meta");
        fs::write(path, change(text)).expect("write");
    }

    /// Changes one line, counted from 1, of a packed file of the set.
    pub fn change_line(&self, file: &str, number: usize, change: impl FnOnce(&str) -> String) {
        let path = self.path(&format!("{BITSTAMP}.{file}.csv.gz"));
        let mut text = String::new();
        let packed = fs::File::open(&path).expect("open");
        GzDecoder::new(packed).read_to_string(&mut text).expect("unpack");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[number - 1] = change(&lines[number - 1]);
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all((lines.join("\n") + "\n").as_bytes()).expect("pack");
        fs::write(path, packer.finish().expect("pack")).expect("write");
    }

    /// Every file and its bytes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("list") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path).expect("read"));
                }
            }
        }
        files
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A failed test keeps its files, to be looked at.
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}
