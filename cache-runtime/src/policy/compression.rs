//! How values are made smaller.

/// How values above [`Policy::compress_above`](crate::Policy::compress_above) are made smaller before they are written.
///
/// The entry says how it was packed, so a change in a rolling deploy needs no flush. What does not come out smaller by an
/// eighth at least is written as it was, so that no reader unpacks for next to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all: values that are read with other tools, or that are compressed already.
    None,
    /// LZ4. The default. Measured on lists of cities and on prose of 2 to 64 KiB: JSON comes to a half or two fifths,
    /// prose to three fifths, postcard, which has little to spare, to nine tenths at best to four fifths; a kilobyte
    /// takes some 1.2 µs to pack and 0.1 to 0.5 µs to unpack.
    #[default]
    Lz4,
    /// Zstandard at its default level, and slower. The same lists and prose come to a third or a quarter, postcard to
    /// two thirds. For large values over a slow network, or where the server's memory is what is scarce.
    #[cfg(feature = "zstd")]
    Zstd,
}
