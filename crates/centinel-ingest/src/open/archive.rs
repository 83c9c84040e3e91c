//! Zip archives with one file inside: what a cost portal hands out.
//!
//! # Source
//!
//! PKWARE, APPNOTE.TXT 6.3.10: end of central directory record (4.3.16), central directory header
//! (4.3.12), local file header (4.3.7). Methods 0 (stored) and 8 (deflate); no encryption, no Zip64.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Where the one file of an archive lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    method: u16,
    crc: u32,
    packed: u64,
    length: u64,
    offset: u64,
}

/// Opens the one file of an archive; folders and resource forks do not count.
pub(super) fn open<R: Read + Seek + Send + 'static>(
    mut archive: R,
) -> io::Result<Box<dyn Read + Send>> {
    let directory = directory(&mut archive)?;
    let [entry] = entries(&directory)?.try_into().map_err(|entries: Vec<Entry>| {
        invalid(format!("the archive holds {} files: unpack it and name one", entries.len()))
    })?;
    let mut head = [0; 30];
    archive.seek(SeekFrom::Start(entry.offset))?;
    archive.read_exact(&mut head)?;
    if !head.starts_with(b"PK\x03\x04") {
        return Err(invalid("the archive is damaged: no file where its directory says".to_owned()));
    }
    let skip = u64::from(u16_at(&head, 26)?) + u64::from(u16_at(&head, 28)?);
    archive.seek(SeekFrom::Start(entry.offset + 30 + skip))?;
    let packed = BufReader::new(archive).take(entry.packed);
    let reader: Box<dyn Read + Send> = match entry.method {
        0 => Box::new(packed),
        8 => Box::new(flate2::read::DeflateDecoder::new(packed)),
        other => return Err(invalid(format!("the archive is compressed with method {other}"))),
    };
    Ok(Box::new(Checked { reader, entry, crc: flate2::Crc::new(), length: 0 }))
}

/// The central directory, whose place the end of the archive says.
fn directory(archive: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    const END: usize = 22;
    const COMMENT_MAX: u64 = 65_535;
    let length = archive.seek(SeekFrom::End(0))?;
    let tail = length.min(END as u64 + COMMENT_MAX);
    archive.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    archive.take(tail).read_to_end(&mut bytes)?;
    let end = bytes
        .windows(END)
        .rposition(|window| window.starts_with(b"PK\x05\x06"))
        .and_then(|start| bytes.get(start..))
        .ok_or_else(|| invalid("the archive is cut: it has no directory".to_owned()))?;
    let (size, offset) = (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?));
    if offset + size > length {
        return Err(invalid("the archive is damaged: its directory lies outside".to_owned()));
    }
    archive.seek(SeekFrom::Start(offset))?;
    let mut directory = Vec::new();
    archive.take(size).read_to_end(&mut directory)?;
    Ok(directory)
}

/// The files of a central directory.
fn entries(mut directory: &[u8]) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while directory.starts_with(b"PK\x01\x02") {
        let lengths = [u16_at(directory, 28)?, u16_at(directory, 30)?, u16_at(directory, 32)?];
        let name = directory.get(46..46 + usize::from(lengths[0])).unwrap_or_default();
        let is_file = !name.ends_with(b"/")
            && !name.starts_with(b"__MACOSX/")
            && !name.ends_with(b".DS_Store");
        if is_file {
            if u16_at(directory, 8)? & 1 != 0 {
                return Err(invalid("the archive is encrypted".to_owned()));
            }
            entries.push(Entry {
                method: u16_at(directory, 10)?,
                crc: u32_at(directory, 16)?,
                packed: u64::from(u32_at(directory, 20)?),
                length: u64::from(u32_at(directory, 24)?),
                offset: u64::from(u32_at(directory, 42)?),
            });
        }
        let length = 46 + lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
        directory = directory.get(length..).unwrap_or_default();
    }
    if entries.iter().any(|entry| entry.offset == u64::from(u32::MAX)) {
        return Err(invalid("the archive is larger than 4 GiB: unpack it".to_owned()));
    }
    Ok(entries)
}

/// Checks length and checksum of what was unpacked.
struct Checked {
    reader: Box<dyn Read + Send>,
    entry: Entry,
    crc: flate2::Crc,
    length: u64,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.crc.update(into.get(..count).unwrap_or_default());
        self.length += count as u64;
        let is_wrong = self.crc.sum() != self.entry.crc || self.length != self.entry.length;
        if count == 0 && !into.is_empty() && is_wrong {
            return Err(invalid("the file in the archive is damaged".to_owned()));
        }
        Ok(count)
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn bytes_at<const N: usize>(bytes: &[u8], start: usize) -> io::Result<[u8; N]> {
    bytes
        .get(start..start + N)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| invalid("the archive is cut".to_owned()))
}

fn u16_at(bytes: &[u8], start: usize) -> io::Result<u16> {
    bytes_at(bytes, start).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], start: usize) -> io::Result<u32> {
    bytes_at(bytes, start).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn whole(length: usize) -> u32 {
        u32::try_from(length).unwrap()
    }

    /// An archive as portals write them: local header, data, directory, end.
    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            let packed = encoder.finish().unwrap();
            let mut crc = flate2::Crc::new();
            crc.update(content);
            let sizes = [crc.sum(), whole(packed.len()), whole(content.len())];
            let offset = whole(bytes.len());
            bytes.extend(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0");
            bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend(&packed);
            directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0");
            directory.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
            directory.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            directory.extend([0; 12]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let (offset, size) = (whole(bytes.len()), whole(directory.len()));
        bytes.extend(directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        let count = u8::try_from(files.len()).unwrap();
        bytes.extend([count, 0, count, 0]);
        bytes.extend(size.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn content(archive: Vec<u8>) -> Result<String, String> {
        let mut text = String::new();
        let read = open(Cursor::new(archive)).and_then(|mut file| file.read_to_string(&mut text));
        read.map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn one_file_is_read_and_anything_else_named() {
        let text = "a,b\n1,2\n".repeat(1_000);
        let whole = zip(&[("bill/", b""), ("bill/part.csv", text.as_bytes())]);
        assert_eq!(content(whole.clone()).as_deref(), Ok(text.as_str()));
        let two = zip(&[("a.csv", b"a"), ("b.csv", b"b")]);
        assert!(content(two).unwrap_err().contains("holds 2 files"));
        assert!(content(zip(&[])).unwrap_err().contains("holds 0 files"));
        assert!(content(whole[..whole.len() - 30].to_vec()).unwrap_err().contains("is cut"));
        let mut damaged = whole;
        let crc = damaged.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap() + 16;
        damaged[crc] ^= 1;
        assert!(content(damaged).unwrap_err().contains("damaged"));
    }

    #[test]
    fn damage_anywhere_is_an_error_or_the_same_text() {
        let text = "a,b\n1,2\n".repeat(20);
        let whole = zip(&[("part.csv", text.as_bytes())]);
        for position in 0..whole.len() {
            for flip in [1, 0x80] {
                let mut damaged = whole.clone();
                damaged[position] ^= flip;
                if let Ok(read) = content(damaged) {
                    assert_eq!(read, text, "byte {position}");
                }
            }
        }
    }
}
