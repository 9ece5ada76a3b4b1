//! A reader of debug information that stops when it has done enough work.
//!
//! The parsers above it turn what they read into tables, in ways that a hostile file can multiply: many units that share
//! one table of lines, names that are searched for byte by byte. Each read costs fuel, so time and memory are bounded
//! however the file is made.

use gimli::{EndianReader, Error, LittleEndian, Reader, ReaderOffsetId};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are searched, or copied into a text, for the price of one read.
const BYTES_PER_READ: u64 = 32;

/// How many reads are left, for all readers of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Fuel(Arc<AtomicU64>);

impl Fuel {
    pub(super) fn fill(&self, reads: u64) {
        self.0.store(reads, Ordering::Relaxed);
    }

    pub(super) fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only one thread reads at a time: the symbolizer holds a lock.
    fn burn(&self, reads: u64) -> bool {
        let left = self.left();
        self.fill(left.saturating_sub(reads));
        left >= reads
    }
}

/// A section, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct Metered {
    inner: EndianReader<LittleEndian, Arc<[u8]>>,
    fuel: Fuel,
    price: u64,
}

impl Metered {
    /// `price` is what one read costs.
    pub(super) fn new(section: Arc<[u8]>, fuel: Fuel, price: u64) -> Metered {
        Metered { inner: EndianReader::new(section, LittleEndian), fuel, price }
    }

    fn pay(&self, bytes: usize) -> gimli::Result<()> {
        if self.fuel.burn(self.price + bytes as u64 / BYTES_PER_READ) {
            Ok(())
        } else {
            Err(Error::UnexpectedEof(self.inner.offset_id()))
        }
    }
}

impl Reader for Metered {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        self.inner.endian()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn empty(&mut self) {
        self.inner.empty();
    }

    fn truncate(&mut self, len: usize) -> gimli::Result<()> {
        self.inner.truncate(len)
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.inner.offset_from(&base.inner)
    }

    fn offset_id(&self) -> ReaderOffsetId {
        self.inner.offset_id()
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        self.inner.lookup_offset_id(id)
    }

    fn find(&self, byte: u8) -> gimli::Result<usize> {
        let found = self.inner.find(byte);
        self.pay(*found.as_ref().unwrap_or(&self.inner.len()))?;
        found
    }

    fn skip(&mut self, len: usize) -> gimli::Result<()> {
        self.pay(0)?;
        self.inner.skip(len)
    }

    fn split(&mut self, len: usize) -> gimli::Result<Self> {
        self.pay(0)?;
        let inner = self.inner.split(len)?;
        Ok(Metered { inner, ..self.clone() })
    }

    fn to_slice(&self) -> gimli::Result<Cow<'_, [u8]>> {
        self.inner.to_slice()
    }

    fn to_string(&self) -> gimli::Result<Cow<'_, str>> {
        self.pay(self.inner.len())?;
        self.inner.to_string()
    }

    fn to_string_lossy(&self) -> gimli::Result<Cow<'_, str>> {
        self.pay(self.inner.len())?;
        self.inner.to_string_lossy()
    }

    fn read_slice(&mut self, buf: &mut [u8]) -> gimli::Result<()> {
        self.pay(0)?;
        self.inner.read_slice(buf)
    }
}
