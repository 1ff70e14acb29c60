use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parse(text: &str) -> Result<Value, FlawKind> {
    Document::parse(text.as_bytes(), 8).map(|document| document.root().to_value()).map_err(|flaw| flaw.kind)
}

#[test]
fn sound_documents_read_as_they_are() {
    for text in [
        "null",
        " [ ] ",
        "{}",
        r#"{"a":[1,-2.5e+3,true,false,null,"x"],"b":{"c":{}}}"#,
        r#""é 😀 \u00e9 \ud83d\ude00 \\ \" \/ \b\f\n\r\t""#,
        "[0, -0, 0.0, 1E5, 123456789012345678901234567890, 1e-400]",
        "[[[[[[[[]]]]]]]]",
    ] {
        assert_eq!(parse(text), Ok(serde_json::from_str(text).unwrap()), "{text}");
    }
}

#[test]
fn what_is_not_a_sound_document_is_refused_for_what_it_is() {
    let unexpected = |expected| FlawKind::Unexpected { expected };
    for (text, flaw) in [
        ("", FlawKind::Empty),
        (" \r\n\t ", FlawKind::Empty),
        ("\u{feff}{}", FlawKind::ByteOrderMark),
        ("{", FlawKind::Truncated),
        (r#"{"a"#, FlawKind::Truncated),
        (r#"{"a":1"#, FlawKind::Truncated),
        (r#""\"#, FlawKind::Truncated),
        (r#""\u00"#, FlawKind::Truncated),
        ("{} {}", FlawKind::TrailingData),
        ("1 2", FlawKind::TrailingData),
        ("{}\0", FlawKind::TrailingData),
        ("NaN", unexpected("a value")),
        ("[Infinity]", unexpected("a value")),
        ("-Infinity", FlawKind::BadNumber),
        ("nul", unexpected("a value")),
        ("[1,]", unexpected("a value")),
        ("[,1]", unexpected("a value")),
        ("[1 2]", unexpected("a comma or the end of the array")),
        ("[1}", unexpected("a comma or the end of the array")),
        (r#"{"a":1]"#, unexpected("a comma or the end of the object")),
        (r#"{"a":1,}"#, unexpected("a key in quotes")),
        ("{a:1}", unexpected("a key in quotes")),
        ("{'a':1}", unexpected("a key in quotes")),
        (r#"{"a" 1}"#, unexpected("a colon")),
        ("// a\n1", unexpected("a value")),
        ("01", FlawKind::BadNumber),
        ("-", FlawKind::BadNumber),
        ("1.", FlawKind::BadNumber),
        ("1e", FlawKind::BadNumber),
        ("+1", unexpected("a value")),
        (".5", unexpected("a value")),
        ("1e400", FlawKind::HugeNumber),
        ("[-1E999]", FlawKind::HugeNumber),
        ("\"a\nb\"", FlawKind::ControlCharacter),
        ("\"\0\"", FlawKind::ControlCharacter),
        (r#""\x""#, FlawKind::BadEscape),
        (r#""\u12g4""#, FlawKind::BadEscape),
        (r#""\ud800""#, FlawKind::LoneSurrogate),
        (r#""\ud800\u0041""#, FlawKind::LoneSurrogate),
        (r#""\udc00\ud800""#, FlawKind::LoneSurrogate),
        ("[[[[[[[[[]]]]]]]]]", FlawKind::TooDeep { max: 8 }),
    ] {
        assert_eq!(parse(text), Err(flaw), "{text:?}");
    }
    let huge = "9".repeat(400);
    assert_eq!(parse(&huge), Err(FlawKind::HugeNumber));
    for bytes in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"{\"a\":\"\xc3\"}", b"\xc0\xaf"] {
        let flaw = Document::parse(bytes, 8).unwrap_err();
        assert_eq!(flaw.kind, FlawKind::NotUtf8, "{bytes:?}");
    }
}

#[test]
fn a_key_stands_once_however_it_is_written() {
    for (text, place) in [
        (r#"{"a":1,"a":2}"#, "a"),
        (r#"{"model":1,"mod\u0065l":2}"#, "model"),
        (r#"{"x":[{}, {"b":{"a":1,"c":2,"a":3}}]}"#, "x[1].b.a"),
        (r#"{"":1,"":2}"#, r#"[""]"#),
    ] {
        let flaw = Document::parse(text.as_bytes(), 8).unwrap_err();
        assert_eq!((flaw.kind, flaw.place.unwrap().to_string().as_str()), (FlawKind::DuplicateKey, place), "{text}");
    }
    let many: Vec<_> = (0..100).map(|n| format!("\"k{n}\":1")).collect();
    assert!(parse(&format!("{{{}}}", many.join(","))).is_ok());
    let twice = format!("{{{},\"k7\":1}}", many.join(","));
    assert_eq!(parse(&twice), Err(FlawKind::DuplicateKey));
    assert!(parse(r#"[{"a":1},{"a":1}]"#).is_ok());
    assert!(parse(r#"{"a":{"a":1}}"#).is_ok());
}

#[test]
fn a_flaw_says_where_it_is_and_nothing_of_the_content() {
    let flaw = Document::parse(br#"{"secret": prompt}"#, 8).unwrap_err();
    assert_eq!(flaw.offset, 11);
    let told = flaw.to_string();
    assert_eq!(told, "The request body is not a JSON document that can be read safely: expected a value (byte 11).");
}

#[test]
fn members_elements_and_spans_are_found() {
    let text = r#"{ "a" : [ 1 , "x\ny" ] , "b\u0062" : null }"#;
    let document = Document::parse(text.as_bytes(), 8).unwrap();
    let root = document.root();
    let spans: Vec<_> = root.get("a").unwrap().elements().map(|node| text.get(node.span().unwrap()).unwrap()).collect();
    assert_eq!(spans, ["1", r#""x\ny""#]);
    assert_eq!(text.get(root.get("bb").unwrap().span().unwrap()), Some("null"));
    assert_eq!(root.get("a").unwrap().elements().nth(1).unwrap().place().to_string(), "a[1]");
    assert!(root.get("c").is_none() && root.get("a").unwrap().get("b").is_none());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |n| n.is_finite().then(|| Value::from(n))),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_serde_writes_is_read_back(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(parse(&text), Ok(value));
    }

    /// Where one of the two refuses, it is Tollgate, for one of the reasons that serde does not know.
    #[test]
    fn whatever_passes_serde_reads_the_same(text in r#"[\[\]{}:,"\\ aeu01\.\-nltrue]{0,24}"#) {
        let serde = serde_json::from_str::<Value>(&text);
        match parse(&text) {
            Ok(value) => prop_assert_eq!(value, serde.unwrap()),
            Err(FlawKind::DuplicateKey | FlawKind::TooDeep { .. }) => {}
            Err(flaw) => prop_assert!(serde.is_err(), "{:?} but serde reads {:?}", flaw, serde),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Document::parse(&bytes, 8);
    }
}
