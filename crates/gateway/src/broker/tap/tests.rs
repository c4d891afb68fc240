//! The readers of frames, against frames as they are sent and as nobody should send them.

use drawbridge_policy::attributes::Line;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Effect, Facts, HeldScope, Lists, Millis, Payload, Reach, RuleSpec,
    Rules, Scope, Terms, decide,
};
use flate2::{Compress, Compression, FlushCompress};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use proptest::prelude::*;

use super::*;

const ALLOWED: &str = "8080";

/// What a rule for port 8080 leaves behind.
fn ports(query: &str) -> Ports {
    let rule = RuleSpec {
        name: "web".to_owned(),
        effect: Effect::Allow,
        verbs: vec!["create".to_owned()],
        api_groups: vec![String::new()],
        resources: vec!["pods/portforward".to_owned()],
        resource_names: Vec::new(),
        non_resource_urls: Vec::new(),
        acknowledge: Vec::new(),
        terms: Terms { when: Some("object.ports == [8080]".to_owned()), ..Terms::none() },
    };
    let scope = Scope::new("s", vec![rule.check().unwrap()]).into();
    let namespaces = Reach::Everywhere;
    let held = HeldScope { grant: "g".to_owned(), until: None, namespaces, scope, lists: Lists::Refused };
    let path = "/api/v1/namespaces/a/pods/p/portforward";
    let attributes = Attributes::parse(Line { method: "POST", path, query: Some(query) }).unwrap();
    let case = Case::new(AgentName::parse("x").unwrap(), attributes, Payload::none()).unwrap();
    match decide(case, &Rules::new(vec![held]), &Facts::none(), Millis(1)) {
        Decision::Permit(permit) => permit.ports().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn bare() -> Tap {
    Tap::of(Some(&ports("")), Protocol::Spdy, &HeaderMap::new(), &HeaderMap::new()).unwrap().unwrap()
}

fn protocol(text: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(text))])
}

fn in_messages() -> Tap {
    let headers = protocol("SPDY/3.1+portforward.k8s.io");
    Tap::of(Some(&ports("")), Protocol::WebSocket, &headers, &headers).unwrap().unwrap()
}

/// Writes frames as a caller does: all header blocks are one stream.
struct Writer(Compress);

impl Writer {
    fn new() -> Writer {
        let mut zlib = Compress::new(Compression::best(), true);
        zlib.set_dictionary(include_bytes!("dictionary.bin")).unwrap();
        Writer(zlib)
    }

    fn compressed(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut block = Vec::with_capacity(plain.len() + 1024);
        self.0.compress_vec(plain, &mut block, FlushCompress::Sync).unwrap();
        block
    }

    fn open(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let block = self.compressed(&plain(headers));
        control(1, &[&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &block].concat())
    }

    fn more(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let block = self.compressed(&plain(headers));
        control(8, &[&[0, 0, 0, 1][..], &block].concat())
    }

    /// As kubectl opens a stream.
    fn stream(&mut self, port: &str) -> Vec<u8> {
        self.open(&[("port", port), ("requestid", "0"), ("streamtype", "data")])
    }
}

fn plain(headers: &[(&str, &str)]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut block = number(headers.len()).to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        block.extend(number(text.len()));
        block.extend(text.as_bytes());
    }
    block
}

fn control(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0x80, 3, 0, kind, 0][..], &length[1..], body].concat()
}

fn data(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0, 0, 0, 1, 0][..], &length[1..], bytes].concat()
}

/// A WebSocket frame. `first` is its first byte.
fn message(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 0xa5, 0, 0xff];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What passes of pieces, and how it ended.
fn feed<'a>(mut tap: Tap, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), Fault>) {
    let mut passed = Vec::new();
    for piece in pieces {
        match tap.read(piece) {
            Ok(bytes) => passed.extend(bytes),
            Err(fault) => return (passed, Err(fault)),
        }
    }
    (passed, Ok(()))
}

#[track_caller]
fn unread(tap: Tap, bytes: &[u8]) -> &'static str {
    match feed(tap, bytes.chunks(1)).1 {
        Err(Fault::Unread(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn a_session() -> Vec<u8> {
    let mut writer = Writer::new();
    [
        writer.stream(ALLOWED),
        control(4, &[0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 1, 0]),
        writer.open(&[("streamtype", "error"), ("requestid", "1"), ("port", ALLOWED)]),
        data(b"hello"),
        data(b""),
        control(6, &[0, 0, 0, 3]),
        writer.more(&[("x", "y")]),
        data(&[9; 3000]),
        writer.stream(ALLOWED),
        control(9, &[0, 0, 0, 1, 0, 0, 1, 0]),
        control(3, &[0, 0, 0, 1, 0, 0, 0, 5]),
        control(7, &[0; 8]),
    ]
    .concat()
}

#[test]
fn what_is_allowed_passes_unchanged_in_whatever_pieces_it_comes() {
    let session = a_session();
    for size in [1, 2, 3, 7, 8, 9, 64, 1000, session.len()] {
        let (passed, ended) = feed(bare(), session.chunks(size));
        assert!(ended.is_ok(), "{size}: {ended:?}");
        assert_eq!(passed, session, "{size}");
    }
}

#[test]
fn nothing_of_a_frame_passes_before_it_was_read() {
    let first = Writer::new().stream(ALLOWED);
    let mut tap = bare();
    for at in 0..first.len() - 1 {
        assert!(tap.read(&first[at..=at]).unwrap().is_empty(), "{at}");
    }
    assert_eq!(tap.read(&first[first.len() - 1..]).unwrap(), first);
}

#[test]
fn a_stream_for_another_port_ends_the_connection_before_it_is_passed_on() {
    for size in [1, 5, 4096] {
        let mut writer = Writer::new();
        let good = [writer.stream(ALLOWED), data(b"hello")].concat();
        let bad = [writer.stream("22"), data(b"SSH")].concat();
        let all = [good.clone(), bad].concat();
        let (passed, ended) = feed(bare(), all.chunks(size));
        assert!(good.starts_with(&passed), "{size}");
        match ended {
            Err(Fault::Port(denial)) => assert!(denial.message().contains("port was 22")),
            other => panic!("{size}: {other:?}"),
        }
    }
}

#[test]
fn a_port_has_one_spelling_and_is_there_once() {
    for port in [
        "",
        "080",
        "08080",
        "+8080",
        " 8080",
        "8080 ",
        "8080\0",
        "8080\x0022",
        "22\x008080",
        "8080,22",
        "73616",
        "0x1f90",
        "８０８０",
        "8080\n",
    ] {
        assert!(unread(bare(), &Writer::new().stream(port)).contains("port"), "{port:?}");
    }
    for headers in [
        &[("streamtype", "data")][..],
        &[("Port", ALLOWED)],
        &[("PORT", ALLOWED), ("port", ALLOWED)],
        &[("port", ALLOWED), ("port", "22")],
        &[("port", ALLOWED), ("port", ALLOWED)],
        &[("port ", ALLOWED)],
        &[("port\0", ALLOWED)],
        &[("", ALLOWED), ("port", ALLOWED)],
        &[("port", ALLOWED), ("x", "1"), ("x", "2")],
    ] {
        unread(bare(), &Writer::new().open(headers));
    }
    let mut writer = Writer::new();
    let later = [writer.stream(ALLOWED), writer.more(&[("port", "22")])].concat();
    assert!(unread(bare(), &later).contains("stream that is open"));
}

#[test]
fn frames_of_a_wrong_length_kind_or_version_are_not_passed_on() {
    // Readers that go by the kind would take what is over for the next frame, or the next frame for what
    // is missing.
    let hidden = Writer::new().stream("22");
    let with = |kind: u8, body: &[u8]| control(kind, &[body, &hidden].concat());
    let bad = [
        with(3, &[0, 0, 0, 1, 0, 0, 0, 5]),
        with(4, &[0, 0, 0, 0]),
        with(6, &[0, 0, 0, 1]),
        with(7, &[0; 8]),
        with(9, &[0, 0, 0, 1, 0, 0, 0, 1]),
        control(3, &[0, 0, 0, 1]),
        control(4, &[]),
        control(4, &[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
        control(4, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        control(4, &[0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        control(6, &[]),
        control(7, &[0; 4]),
        control(1, &[0; 9]),
        control(8, &[0; 3]),
        control(2, &[0; 8]),
        control(5, &[]),
        control(0, &[0; 8]),
        control(10, &[0; 8]),
        control(1, &[0; spdy::LONGEST + 1]),
        data(b"x").into_iter().enumerate().map(|(at, byte)| if at == 3 { 0 } else { byte }).collect(),
    ];
    for (number, frame) in bad.iter().enumerate() {
        unread(bare(), &[frame.clone(), vec![0; 40]].concat());
        assert!(feed(bare(), [&frame[..]]).0.is_empty(), "{number}");
    }
    for (at, byte) in [(1, 2), (1, 4), (0, 0x81), (2, 1)] {
        let mut frame = Writer::new().stream(ALLOWED);
        frame[at] = byte;
        unread(bare(), &frame);
    }
}

#[test]
fn a_block_of_headers_ends_where_its_frame_ends() {
    let opening = |block: &[u8]| control(1, &[&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], block].concat());
    let good = plain(&[("port", ALLOWED)]);
    // Another reader begins the next block with what is over.
    let over = [good.clone(), plain(&[("port", "22")])].concat();
    unread(bare(), &opening(&Writer::new().compressed(&over)));
    let mut two = Writer::new();
    let both = [two.compressed(&good), two.compressed(&plain(&[("port", "22")]))].concat();
    unread(bare(), &opening(&both));
    for cut in 1..good.len() {
        unread(bare(), &opening(&Writer::new().compressed(&good[..cut])));
    }
    let whole = Writer::new().compressed(&good);
    for cut in 0..whole.len() - 6 {
        unread(bare(), &opening(&whole[..cut]));
    }
    for more in [&[0][..], &[1, 2, 3], &[0, 0, 0, 0xff, 0xff, 0]] {
        let (passed, ended) = feed(bare(), [&opening(&[&whole, more].concat())[..]]);
        // Bits of a block that is to come are nothing yet: both readers keep them.
        assert!(ended.is_err() || passed.len() > more.len());
    }
    let ended = {
        let mut zlib = Compress::new(Compression::best(), true);
        zlib.set_dictionary(include_bytes!("dictionary.bin")).unwrap();
        let mut block = Vec::with_capacity(1024);
        zlib.compress_vec(&good, &mut block, FlushCompress::Finish).unwrap();
        block
    };
    unread(bare(), &opening(&ended));
    let mut other = Compress::new(Compression::best(), true);
    other.set_dictionary(b"another").unwrap();
    unread(bare(), &opening(&Writer(other).compressed(&good)));
    // A stream that doesn't ask for the dictionary is one, too.
    let without = Writer(Compress::new(Compression::none(), true)).compressed(&good);
    assert!(feed(bare(), [&opening(&without)[..]]).1.is_ok());
}

#[test]
fn headers_are_bounded_however_small_they_come() {
    let bomb = "0".repeat(10_000_000);
    let mut writer = Writer::new();
    let mut block = Vec::with_capacity(200_000);
    let plain_bomb = plain(&[("port", ALLOWED), ("x", &bomb)]);
    writer.0.compress_vec(&plain_bomb, &mut block, FlushCompress::Sync).unwrap();
    let frame = control(1, &[&[0; 10][..], &block[..block.len().min(spdy::LONGEST - 10)]].concat());
    assert!(unread(bare(), &frame).contains("too long"));
    let many: Vec<String> = (0..65).map(|number| format!("x{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    unread(bare(), &Writer::new().open(&many));
    let counted = Writer::new().compressed(&u32::MAX.to_be_bytes());
    unread(bare(), &control(1, &[&[0; 10][..], &counted].concat()));
    let long = [&[0, 0, 0, 1][..], &u32::MAX.to_be_bytes()].concat();
    let long = Writer::new().compressed(&long);
    unread(bare(), &control(1, &[&[0; 10][..], &long].concat()));
}

#[test]
fn messages_pass_unchanged_and_may_split_frames_anywhere() {
    let session = a_session();
    for size in [1, 3, 40, 125, 126, 500] {
        let mut raw = Vec::new();
        for (number, part) in session.chunks(size).enumerate() {
            match number % 3 {
                0 => raw.extend(message(0x82, part)),
                1 => {
                    let (head, tail) = part.split_at(part.len() / 2);
                    raw.extend(message(0x02, head));
                    raw.extend(message(0x89, b"ping"));
                    raw.extend(message(0x80, tail));
                }
                _ => raw.extend([message(0x02, part), message(0x00, b""), message(0x80, b"")].concat()),
            }
        }
        raw.extend(message(0x88, &[3, 232]));
        for chunk in [1, 2, 13, 4096] {
            let (passed, ended) = feed(in_messages(), raw.chunks(chunk));
            assert!(ended.is_ok(), "{size} {chunk}: {ended:?}");
            assert_eq!(passed, raw, "{size} {chunk}");
        }
    }
}

#[test]
fn in_messages_nothing_of_a_refused_frame_passes_either() {
    for size in [1, 2, 50] {
        let mut writer = Writer::new();
        let good = [writer.stream(ALLOWED), data(b"hello")].concat();
        let bad = writer.stream("22");
        let messages =
            |bytes: &[u8]| -> Vec<u8> { bytes.chunks(size).flat_map(|part| message(0x82, part)).collect() };
        let head = messages(&good);
        let all = [head.clone(), messages(&bad)].concat();
        for chunk in [1, 4096] {
            let (passed, ended) = feed(in_messages(), all.chunks(chunk));
            assert!(matches!(ended, Err(Fault::Port(_))), "{ended:?}");
            // The first WebSocket head of it may have passed, and says nothing.
            assert!(passed.len() <= head.len() + 6, "{} {}", passed.len(), head.len());
        }
    }
}

#[test]
fn messages_that_have_no_place_in_a_tunnel_end_it() {
    let hello = data(b"hello");
    let unmasked = [&[0x82, 13][..], &hello].concat();
    let bad = [
        unmasked,
        message(0x81, &hello),
        message(0xc2, &hello),
        message(0xa2, &hello),
        message(0x92, &hello),
        message(0x80, &hello),
        message(0x00, &hello),
        message(0x83, &hello),
        message(0x8b, b""),
        message(0x09, b""),
        message(0x08, b""),
        message(0x89, &[0; 126]),
        [message(0x02, &hello), message(0x82, &hello)].concat(),
        [message(0x82, &hello), message(0x80, &hello)].concat(),
        vec![0x82, 0xfe, 0, 125, 0, 0, 0, 0],
        vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
        vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for frame in bad {
        unread(in_messages(), &frame);
    }
}

#[test]
fn after_a_close_nothing_passes() {
    let mut writer = Writer::new();
    let closed = [message(0x82, &writer.stream(ALLOWED)), message(0x88, &[3, 232])].concat();
    let more = [message(0x82, &writer.stream("22")), vec![1, 2, 3]].concat();
    let all = [closed.clone(), more].concat();
    for chunk in [1, 10, 4096] {
        let (passed, ended) = feed(in_messages(), all.chunks(chunk));
        assert!(ended.is_ok());
        assert_eq!(passed, closed);
    }
}

#[test]
fn a_frame_in_too_many_messages_is_not_waited_for() {
    let first = Writer::new().stream(ALLOWED);
    let mut raw = message(0x02, &first[..20]);
    raw.extend((0..20_000).flat_map(|_| message(0x00, b"")));
    assert!(unread(in_messages(), &raw).contains("too many pieces"));
}

#[test]
fn what_carries_the_ports_must_be_known() {
    let (tunnel, plain, none) =
        (protocol("SPDY/3.1+portforward.k8s.io"), protocol("v4.channel.k8s.io"), HeaderMap::new());
    let both = protocol("v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io");
    let of = |query: &str, to: Protocol, asked: &HeaderMap, answered: &HeaderMap| {
        Tap::of(Some(&ports(query)), to, asked, answered).map(|tap| tap.is_some())
    };
    for asked in [&tunnel, &both] {
        assert_eq!(of("", Protocol::WebSocket, asked, &tunnel).ok(), Some(true));
        assert_eq!(of("ports=8080", Protocol::WebSocket, asked, &plain).ok(), None);
        assert_eq!(of("ports=8080", Protocol::WebSocket, asked, &none).ok(), None);
    }
    assert_eq!(of("ports=8080", Protocol::WebSocket, &plain, &plain).ok(), Some(false));
    assert_eq!(of("ports=8080", Protocol::WebSocket, &none, &none).ok(), Some(false));
    assert_eq!(of("", Protocol::WebSocket, &plain, &plain).ok(), None, "the query names no port");
    assert_eq!(of("ports=8080", Protocol::WebSocket, &plain, &tunnel).ok(), None);
    assert_eq!(of("ports=8080", Protocol::Spdy, &none, &none).ok(), Some(true), "streams name their own");
    assert!(Tap::of(None, Protocol::Spdy, &none, &none).unwrap().is_none());
}

/// A caller's next frame.
#[derive(Debug, Clone)]
enum Next {
    Stream(u16),
    Data(Vec<u8>),
    Ping,
    More,
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        4 => Just(Next::Stream(8080)),
        1 => any::<u16>().prop_map(Next::Stream),
        4 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Next::Data),
        1 => Just(Next::Ping),
        1 => Just(Next::More),
    ]
}

/// The frames' bytes, and how many of them stand before the first stream that may not be.
fn written(frames: &[Next]) -> (Vec<u8>, Option<usize>) {
    let (mut writer, mut bytes, mut bad) = (Writer::new(), Vec::new(), None);
    for frame in frames {
        let port = |port: u16| port.to_string();
        if matches!(frame, Next::Stream(number) if *number != 8080) {
            bad = bad.or(Some(bytes.len()));
        }
        bytes.extend(match frame {
            Next::Stream(number) => writer.stream(&port(*number)),
            Next::Data(payload) => data(payload),
            Next::Ping => control(6, &[0, 0, 0, 1]),
            Next::More => writer.more(&[("a", "b")]),
        });
    }
    (bytes, bad)
}

/// Cuts bytes into pieces of these lengths, in turn.
fn pieces<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

proptest! {
    #[test]
    fn however_frames_are_cut_up_a_port_that_may_not_be_reached_is_never_passed_on(
        frames in proptest::collection::vec(next(), 0..12),
        lengths in proptest::collection::vec(1_usize..200, 1..6),
        messages in proptest::collection::vec(1_usize..200, 1..6),
    ) {
        let (bytes, bad) = written(&frames);
        let (passed, ended) = feed(bare(), pieces(&bytes, &lengths));
        match bad {
            None => {
                prop_assert!(ended.is_ok(), "{:?}", ended);
                prop_assert_eq!(&passed, &bytes);
            }
            Some(at) => {
                prop_assert!(ended.is_err());
                prop_assert!(passed.len() <= at && bytes.starts_with(&passed));
            }
        }
        let raw: Vec<u8> = pieces(&bytes, &messages).into_iter().flat_map(|part| message(0x82, part)).collect();
        let (tunnelled, ended) = feed(in_messages(), pieces(&raw, &lengths));
        prop_assert!(raw.starts_with(&tunnelled));
        prop_assert_eq!(ended.is_err(), bad.is_some());
        if bad.is_none() {
            prop_assert_eq!(tunnelled, raw);
        }
    }

    #[test]
    fn whatever_comes_only_a_beginning_of_it_passes(
        good in proptest::collection::vec(next(), 0..3),
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        lengths in proptest::collection::vec(1_usize..50, 1..4),
    ) {
        let bytes = [written(&good).0, noise].concat();
        for tap in [bare(), in_messages()] {
            let (passed, _) = feed(tap, pieces(&bytes, &lengths));
            prop_assert!(bytes.starts_with(&passed));
        }
        let raw = [message(0x82, &bytes), bytes].concat();
        prop_assert!(raw.starts_with(&feed(in_messages(), pieces(&raw, &lengths)).0));
    }
}
