use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use drawbridge_policy::{Attributes, Line, Look};
use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::super::form::{Form, Masked, Reads};
use super::*;

/// A cluster's answer in these pieces, each taken only when it is asked for.
struct Pieces {
    left: std::vec::IntoIter<Result<&'static str, &'static str>>,
    endless: bool,
}

/// Whose half was told how it ended: how often, since every test has its own thread's count.
static FAULTS: AtomicUsize = AtomicUsize::new(0);

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.left.next() {
            None if self.endless => Poll::Pending,
            next => Poll::Ready(next.map(|piece| piece.map(|text| Frame::data(text.as_bytes().into())))),
        }
    }
}

fn unhidden(object: &mut Value) -> Look {
    if object.get("hide").is_some() { Look::Hidden } else { Look::Shown }
}

fn asked(reads: Reads) -> (Form, Attributes) {
    let asked = Attributes::parse(Line { method: "GET", path: "/api/v1/pods", query: None }).unwrap();
    (Form::read(&HeaderMap::new(), asked.query(), reads, Masked::No).unwrap(), asked)
}

fn list(pieces: &[Result<&'static str, &'static str>]) -> Screened<Pieces> {
    let reading = List::new(asked(Reads::List).0, unhidden, |_| Err(Fault::Sealing));
    let from = Pieces { left: Vec::from(pieces).into_iter(), endless: false };
    Screened::new(from, Reading::List(Box::new(reading)), |_, _| {})
}

fn watch(pieces: &[&'static str], endless: bool) -> Screened<Pieces> {
    let (form, asked) = asked(Reads::Watch);
    let reading = Watch::new(form, asked.query(), unhidden);
    let pieces: Vec<_> = pieces.iter().copied().map(Ok).collect();
    let from = Pieces { left: pieces.into_iter(), endless };
    Screened::new(from, Reading::Watch(Box::new(reading)), |_, _| {})
}

const HEAD: &str = r#"{"kind":"PodList","apiVersion":"v1","items":["#;

fn poll(body: &mut Screened<Pieces>) -> Poll<Option<Result<Frame<Bytes>, Broken<&'static str>>>> {
    Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn the_body_is_what_is_shown() {
    let body = list(&[Ok(HEAD), Ok(r#"{"a":1},{"hide""#), Ok(":1},"), Ok("{\"b\":2}"), Ok("]}")]);
    let whole = body.collect().await.unwrap().to_bytes();
    assert_eq!(whole, format!("{HEAD}{{\"a\":1}},{{\"b\":2}}]}}\n"));
}

#[test]
fn a_piece_is_taken_only_when_the_caller_asks_for_more() {
    let mut body = list(&[Ok(HEAD), Ok("{},"), Ok("{}"), Ok("]}")]);
    for left in [3, 2, 1, 0] {
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(_)))));
        assert_eq!(body.from.as_ref().map(|from| from.left.len()), Some(left));
    }
    assert!(matches!(poll(&mut body), Poll::Ready(None)));
    assert!(body.is_end_stream());
}

#[test]
fn pieces_of_which_nothing_is_shown_let_others_have_their_turn() {
    let mut pieces = vec![Ok(HEAD)];
    pieces.extend(vec![Ok("{\"hide\":1},"); 3 * PIECES]);
    pieces.extend([Ok("{}"), Ok("]}")]);
    let mut body = list(&pieces);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(_)))));
    for _ in 0..3 {
        assert!(matches!(poll(&mut body), Poll::Pending));
    }
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(_)))));
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_list_never_ends_well() {
    for pieces in [
        vec![Ok(HEAD)],
        vec![Ok(HEAD), Ok("{\"a\":")],
        vec![Ok(HEAD), Ok("{}"), Err("broken off")],
        vec![Ok(HEAD), Ok("]}"), Ok("{}")],
        vec![Ok("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}")],
        vec![],
    ] {
        assert!(list(&pieces).collect().await.is_err(), "{pieces:?}");
    }
}

#[tokio::test]
async fn the_cluster_s_half_is_told_of_a_fault_before_it_is_let_go() {
    let mut body = list(&[Ok("[]")]);
    body.told = |_, ended| {
        assert!(matches!(ended, Ended::Fault(Fault::Form(_))));
        FAULTS.fetch_add(1, Ordering::SeqCst);
    };
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(FAULTS.load(Ordering::SeqCst), 1);
    assert!(body.from.is_none());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_open_watch_expires_with_a_last_event() {
    let token = CancellationToken::new();
    let events = [r#"{"type":"ADDED","object":{"a":1}}"#, r#"{"type":"ADDED","obj"#];
    let mut body =
        watch(&events, true).expiring(token.clone().cancelled_owned(), "the grant changed".to_owned());
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "{\"type\":\"ADDED\",\"object\":{\"a\":1}}\n");
    assert!(matches!(poll(&mut body), Poll::Pending));
    token.cancel();
    let last = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let last: Value = serde_json::from_slice(&last).unwrap();
    assert_eq!((&last["type"], &last["object"]["code"]), (&Value::from("ERROR"), &Value::from(410)));
    assert_eq!(last["object"]["message"], "the grant changed");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_watch_ends_well_between_two_events_and_not_within_one() {
    let event = r#"{"type":"ADDED","object":{}}"#;
    assert!(watch(&[event, "\n", event], false).collect().await.is_ok());
    assert!(watch(&[event, "\n{"], false).collect().await.is_err());
}
