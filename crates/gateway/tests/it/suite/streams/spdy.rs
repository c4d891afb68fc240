//! As much of SPDY/3.1 as opening streams takes.

/// The bytes that open these streams, in this order, each with its headers.
pub(crate) fn open(streams: &[&[(&str, &str)]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, headers) in (0_u32..).zip(streams) {
        let mut block = number_of(headers.len());
        for (name, value) in *headers {
            for text in [name, value] {
                block.extend(number_of(text.len()));
                block.extend(text.as_bytes());
            }
        }
        // All header blocks of a connection are one zlib stream (RFC 1950), here of stored blocks only; the
        // empty one makes its reader hand out what it has.
        let mut compressed = if number == 0 { vec![0x78, 0x01] } else { Vec::new() };
        let length = u16::try_from(block.len()).unwrap();
        compressed.push(0);
        compressed.extend(length.to_le_bytes());
        compressed.extend((!length).to_le_bytes());
        compressed.extend(block);
        compressed.extend([0, 0, 0, 0xff, 0xff]);
        let length = u32::try_from(compressed.len() + 10).unwrap();
        bytes.extend([0x80, 3, 0, 1, 0]);
        bytes.extend(&length.to_be_bytes()[1..]);
        bytes.extend((2 * number + 1).to_be_bytes());
        bytes.extend([0; 6]);
        bytes.extend(compressed);
    }
    bytes
}

fn number_of(length: usize) -> Vec<u8> {
    u32::try_from(length).unwrap().to_be_bytes().to_vec()
}
