use drawbridge_policy::{Attributes, Line};

use super::*;

fn read(accept: &[&'static str], query: &str, reads: Reads, masked: Masked) -> Result<Shape, Unfit> {
    let mut headers = HeaderMap::new();
    for value in accept {
        headers.append(header::ACCEPT, HeaderValue::from_static(value));
    }
    let asked = Attributes::parse(Line { method: "GET", path: "/api/v1/pods", query: Some(query) }).unwrap();
    Form::read(&headers, asked.query(), reads, masked).map(Form::shape)
}

fn list(accept: &'static str) -> Result<Shape, Unfit> {
    read(&[accept], "", Reads::List, Masked::No)
}

const KUBECTL: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
const TABLE: Shape = Shape::Table(Version::V1, Include::Metadata);

#[test]
fn the_first_clause_that_can_be_served_is() {
    for (accept, shape) in [
        ("application/json", Shape::Plain),
        ("*/*", Shape::Plain),
        ("application/*", Shape::Plain),
        (KUBECTL, TABLE),
        ("application/json;g=meta.k8s.io;v=v1;as=Table, */*", TABLE),
        ("*/*, application/json;as=Table;v=v1;g=meta.k8s.io", TABLE),
        (
            "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
            Shape::Table(Version::V1Beta1, Include::Metadata),
        ),
        ("application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9", TABLE),
        ("application/vnd.kubernetes.protobuf,application/json", Shape::Plain),
        ("application/cbor;q=1,application/json;q=0.1", Shape::Plain),
        ("application/yaml, application/json; charset=utf-8", Shape::Plain),
        (
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
             application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
            Shape::Metadata(Version::V1),
        ),
        // For one object only.
        ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json", Shape::Plain),
    ] {
        assert_eq!(list(accept), Ok(shape), "{accept}");
    }
    assert_eq!(read(&[], "", Reads::One, Masked::No), Ok(Shape::Plain));
    let two = ["application/cbor", "application/json"];
    assert_eq!(read(&two, "", Reads::One, Masked::No), Ok(Shape::Plain));
}

#[test]
fn a_watch_takes_the_form_of_one_object() {
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    for reads in [Reads::Watch, Reads::One] {
        assert_eq!(read(&[accept], "", reads, Masked::No), Ok(Shape::Metadata(Version::V1)));
    }
    assert_eq!(list(accept), Err(Unfit::NotAcceptable));
    let stream = "application/json;stream=watch";
    assert_eq!(read(&[stream], "", Reads::Watch, Masked::No), Ok(Shape::Plain));
    assert_eq!(list(stream), Err(Unfit::NotAcceptable));
}

#[test]
fn who_takes_no_json_is_told_so() {
    for accept in [
        "application/vnd.kubernetes.protobuf",
        "application/cbor",
        "application/yaml",
        "text/html",
        "application/json;q=0",
        "application/json;q=x",
        "application/json;as=Table;v=v2;g=meta.k8s.io",
        "application/json;as=Table;v=v1;g=example.com",
        "application/json;as=Pod;v=v1;g=",
        "",
    ] {
        assert_eq!(list(accept), Err(Unfit::NotAcceptable), "{accept}");
    }
}

#[test]
fn under_a_mask_no_table_is_asked_for() {
    let masked = read(&[KUBECTL], "", Reads::List, Masked::Yes);
    assert_eq!(masked, Ok(Shape::Plain));
    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    assert_eq!(read(&[metadata], "", Reads::List, Masked::Yes), Ok(Shape::Metadata(Version::V1)));
}

#[test]
fn rows_are_asked_for_with_their_whole_object_whatever_the_caller_wants_of_it() {
    for (query, include) in [
        ("", Include::Metadata),
        ("includeObject=None", Include::Nothing),
        ("includeObject=Metadata", Include::Metadata),
        ("includeObject=Object", Include::Object),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(KUBECTL));
        let asked =
            Attributes::parse(Line { method: "GET", path: "/api/v1/pods", query: Some(query) }).unwrap();
        let form = Form::read(&headers, asked.query(), Reads::List, Masked::No).unwrap();
        assert_eq!(form.shape(), Shape::Table(Version::V1, include));
        assert_eq!(form.path_and_query(&asked.path_and_query()), "/api/v1/pods?includeObject=Object");
    }
    let wrong = read(&[KUBECTL], "includeObject=object", Reads::List, Masked::No);
    assert_eq!(wrong, Err(Unfit::IncludeObject));
}

#[test]
fn nothing_compressed_or_conditional_is_asked_for() {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static(KUBECTL));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"x\""));
    let form = Form { shape: TABLE, plain_too: true, reads: Reads::List };
    form.ask(&mut headers);
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    assert_eq!(headers.get(header::ACCEPT).unwrap(), accept);
    assert_eq!(headers.len(), 1);
}

#[test]
fn an_answer_that_cannot_be_looked_at_is_a_fault() {
    let answered = |pairs: &[(HeaderName, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        let form = Form { shape: Shape::Plain, plain_too: true, reads: Reads::List };
        form.answered(&mut headers).map(|()| headers.len())
    };
    let json = (header::CONTENT_TYPE, "application/json");
    let length = (header::CONTENT_LENGTH, "12");
    assert_eq!(answered(&[json.clone(), length]), Ok(1));
    assert_eq!(answered(&[(header::CONTENT_TYPE, "application/json;stream=watch")]), Ok(1));
    assert!(answered(&[json, (header::CONTENT_ENCODING, "gzip")]).is_err());
    assert!(answered(&[(header::CONTENT_TYPE, "application/vnd.kubernetes.protobuf")]).is_err());
    assert!(answered(&[]).is_err());
}
