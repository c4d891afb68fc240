//! Certificates with several organizations.
//!
//! rcgen keeps one value per kind of name, but Kubernetes has one organization per group. So a certificate
//! of rcgen's gets another subject and is signed again. Only as much DER as that needs is here (ITU-T X.690,
//! RFC 5280 §4.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{Error, KeyPair, SigningKey as _};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const BIT_STRING: u8 = 0x03;
/// The encoded object identifiers 2.5.4.3 and 2.5.4.10.
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const ORGANIZATION: [u8; 3] = [0x55, 4, 10];
/// Version, serial number, signature algorithm, issuer and validity stand before the subject.
const SUBJECT_FIELD: usize = 5;

/// The certificate with `user` and `groups` as its subject, signed by `key`, as PEM.
pub(super) fn sign_with_groups(
    certificate: &[u8],
    user: &str,
    groups: &[&str],
    key: &KeyPair,
) -> Result<String, Error> {
    let parts = elements(certificate)
        .and_then(|outer| elements(outer.first()?.content))
        .ok_or(Error::CouldNotParseCertificate)?;
    let [signed, algorithm, _] = parts.as_slice() else { return Err(Error::CouldNotParseCertificate) };
    let fields = elements(signed.content).ok_or(Error::CouldNotParseCertificate)?;
    let subject = encode(SEQUENCE, &subject(user, groups));
    let fields: Vec<u8> = fields
        .iter()
        .enumerate()
        .flat_map(|(index, field)| if index == SUBJECT_FIELD { subject.as_slice() } else { field.whole })
        .copied()
        .collect();
    let signed = encode(SEQUENCE, &fields);
    // A bit string begins with the number of its unused bits.
    let signature = [vec![0], key.sign(&signed)?].concat();
    let content = [signed, algorithm.whole.to_vec(), encode(BIT_STRING, &signature)].concat();
    Ok(pem(&encode(SEQUENCE, &content)))
}

fn subject(user: &str, groups: &[&str]) -> Vec<u8> {
    let organizations = groups.iter().map(|group| name(&ORGANIZATION, group));
    organizations.chain([name(&COMMON_NAME, user)]).flatten().collect()
}

fn name(kind: &[u8], value: &str) -> Vec<u8> {
    let pair = [encode(OBJECT_IDENTIFIER, kind), encode(UTF8_STRING, value.as_bytes())].concat();
    encode(SET, &encode(SEQUENCE, &pair))
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

fn elements(mut input: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let first = usize::from(*input.get(1)?);
        let (header, length) = if first < 0x80 {
            (2, first)
        } else {
            let count = first & 0x7f;
            let digits = input.get(2..2 + count)?;
            (
                2 + count,
                digits
                    .iter()
                    .try_fold(0_usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?,
            )
        };
        let (whole, rest) = input.split_at_checked(header.checked_add(length)?)?;
        found.push(Element { whole, content: whole.get(header..)? });
        input = rest;
    }
    Some(found)
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = vec![tag];
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    match digits.as_slice() {
        [] => encoded.push(0),
        [short] if *short < 0x80 => encoded.push(*short),
        long => {
            // At most eight digits, so the count fits.
            encoded.push(0x80 | u8::try_from(long.len()).unwrap_or(u8::MAX));
            encoded.extend_from_slice(long);
        }
    }
    encoded.extend_from_slice(content);
    encoded
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem + "\n-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_sizes_are_encoded_as_they_are_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let encoded = encode(SEQUENCE, &content);
            let read = elements(&encoded).unwrap();
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].content, content);
            assert_eq!(read[0].whole, encoded);
        }
    }

    #[test]
    fn what_is_cut_off_is_no_element() {
        let encoded = encode(SEQUENCE, &[1; 300]);
        for length in 1..encoded.len() {
            assert!(elements(&encoded[..length]).is_none(), "{length}");
        }
    }
}
