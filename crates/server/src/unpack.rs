//! Compressed bodies, unpacked within bounds.
//!
//! Pure. The bound is on what comes out: a bomb is given up at the limit, not after it has filled
//! the memory. A body is compressed once or not at all.
use std::io::Read;

/// From this size on an expansion beyond [`RATIO_MAX`] is a bomb rather than a repetitive log.
const RATIO_FROM_BYTES: usize = 1024 * 1024;
const RATIO_MAX: usize = 100;
/// A zstd frame may ask for a window of 8 MiB; more is memory that no body of ours needs.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// It is not.
    Identity,
    /// gzip, RFC 1952, one member or several.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

/// Why a body could not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The label names something else, or more than one encoding.
    #[error("Content-Encoding {label:?} is not supported; send gzip, zstd or identity, once")]
    Unsupported {
        /// What the label said, at most 64 characters of it.
        label: String,
    },
    /// It is cut short or damaged.
    #[error("the {encoding:?} body is cut short or damaged")]
    Corrupt {
        /// What it was read as.
        encoding: Encoding,
    },
    /// It grows beyond what is taken.
    #[error("unpacked, the body has more than {most} bytes")]
    TooLarge {
        /// The limit.
        most: usize,
    },
    /// It grows out of proportion.
    #[error("the body unpacks to more than {RATIO_MAX} times its size; send it less compressed")]
    OutOfProportion,
}

impl Encoding {
    /// Reads the `Content-Encoding` label; none means identity.
    ///
    /// # Errors
    /// [`UnpackError::Unsupported`].
    pub fn from_label(label: Option<&str>) -> Result<Encoding, UnpackError> {
        let label = label.unwrap_or_default().trim();
        match label.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Identity),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "zstd" => Ok(Encoding::Zstd),
            _ => Err(UnpackError::Unsupported { label: label.chars().take(64).collect() }),
        }
    }

    /// What a body without a label really is: some clients compress and do not say so. No text
    /// begins with these bytes.
    #[must_use]
    pub fn or_recognised(self, body: &[u8]) -> Encoding {
        match self {
            Encoding::Identity if body.starts_with(&[0x1f, 0x8b, 0x08]) => Encoding::Gzip,
            Encoding::Identity if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => Encoding::Zstd,
            known => known,
        }
    }
}

/// Unpacks `body`, which yields at most `unpacked_max` bytes.
///
/// # Errors
/// See [`UnpackError`].
pub fn unpack(
    encoding: Encoding,
    body: &[u8],
    unpacked_max: usize,
) -> Result<Vec<u8>, UnpackError> {
    match encoding {
        Encoding::Identity => bounded(encoding, body, body.len(), unpacked_max),
        Encoding::Gzip => {
            bounded(encoding, flate2::read::MultiGzDecoder::new(body), body.len(), unpacked_max)
        }
        Encoding::Zstd => {
            let corrupt = |_| UnpackError::Corrupt { encoding };
            let mut decoder = zstd::stream::read::Decoder::new(body).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            bounded(encoding, decoder, body.len(), unpacked_max)
        }
    }
}

fn bounded(
    encoding: Encoding,
    mut source: impl Read,
    packed_bytes: usize,
    unpacked_max: usize,
) -> Result<Vec<u8>, UnpackError> {
    let mut unpacked = Vec::with_capacity(packed_bytes.saturating_mul(4).min(unpacked_max));
    let mut piece = [0; 16 * 1024];
    loop {
        let read = source.read(&mut piece).map_err(|_| UnpackError::Corrupt { encoding })?;
        let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(unpacked);
        };
        if unpacked.len() + piece.len() > unpacked_max {
            return Err(UnpackError::TooLarge { most: unpacked_max });
        }
        unpacked.extend_from_slice(piece);
        if unpacked.len() > RATIO_FROM_BYTES && unpacked.len() / RATIO_MAX > packed_bytes {
            return Err(UnpackError::OutOfProportion);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd_of(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 3).unwrap()
    }

    const TEXT: &[u8] = br#"{"type":"page_viewed"}"#;

    #[test]
    fn what_was_packed_comes_out() {
        assert_eq!(unpack(Encoding::Gzip, &gzip(TEXT), 1000).unwrap(), TEXT);
        assert_eq!(unpack(Encoding::Zstd, &zstd_of(TEXT), 1000).unwrap(), TEXT);
        let twice = [gzip(TEXT), gzip(TEXT)].concat();
        assert_eq!(unpack(Encoding::Gzip, &twice, 1000).unwrap(), [TEXT, TEXT].concat());
        assert_eq!(unpack(Encoding::Gzip, &gzip(TEXT), TEXT.len()).unwrap(), TEXT);
    }

    #[test]
    fn every_cut_and_many_damages_are_corrupt_never_a_panic() {
        for (encoding, packed) in [(Encoding::Gzip, gzip(TEXT)), (Encoding::Zstd, zstd_of(TEXT))] {
            for end in 1..packed.len() {
                let cut = unpack(encoding, &packed[..end], 1000);
                assert_eq!(cut, Err(UnpackError::Corrupt { encoding }), "{encoding:?} {end}");
            }
            for at in 0..packed.len() {
                let mut damaged = packed.clone();
                damaged[at] ^= 0x10;
                let _ = unpack(encoding, &damaged, 1000);
            }
            let plain = unpack(encoding, TEXT, 1000);
            assert_eq!(plain, Err(UnpackError::Corrupt { encoding }));
        }
    }

    #[test]
    fn bombs_are_given_up_at_the_limit() {
        let zeros = vec![0; 64 * 1024 * 1024];
        for (encoding, bomb) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Zstd, zstd_of(&zeros))]
        {
            let tight = unpack(encoding, &bomb, 1000);
            assert_eq!(tight, Err(UnpackError::TooLarge { most: 1000 }));
            let wide = unpack(encoding, &bomb, usize::MAX);
            assert_eq!(wide, Err(UnpackError::OutOfProportion));
        }
    }

    #[test]
    fn labels() {
        let read = Encoding::from_label;
        assert_eq!(read(None), Ok(Encoding::Identity));
        assert_eq!(read(Some(" GZip ")), Ok(Encoding::Gzip));
        assert_eq!(read(Some("x-gzip")), Ok(Encoding::Gzip));
        assert_eq!(read(Some("zstd")), Ok(Encoding::Zstd));
        assert!(read(Some("br")).is_err());
        assert!(read(Some("gzip, gzip")).is_err());
    }

    #[test]
    fn an_unlabelled_gzip_is_recognised() {
        assert_eq!(Encoding::Identity.or_recognised(&gzip(TEXT)), Encoding::Gzip);
        assert_eq!(Encoding::Identity.or_recognised(&zstd_of(TEXT)), Encoding::Zstd);
        assert_eq!(Encoding::Identity.or_recognised(TEXT), Encoding::Identity);
    }
}
