use domain::{AspectRatio, PresetChoice, Tenant};

use super::*;

fn accepted(aspect_ratio: AspectRatio) -> Event {
    let request = Request {
        aspect_ratio: Some(aspect_ratio),
        ..Request::new("a kite")
    };
    let id = GenerationId::of_key(&Tenant::default(), "kite");
    Event::from(Accepted {
        job: Job::new(id, Tenant::default(), request, Timestamp::UNIX_EPOCH),
        callback_url: None,
        reserved: Usd::ZERO,
    })
}

#[test]
fn a_shape_that_other_presets_would_have_now_makes_no_other_request() {
    let (square, wide) = (
        AspectRatio::SQUARE,
        AspectRatio {
            width: 2,
            height: 1,
        },
    );
    let open = Draft {
        presets: Some(vec![PresetChoice::from("og-image")]),
        ..Draft::default()
    };
    let said = Draft {
        aspect_ratio: Some("2x1".to_owned()),
        ..open.clone()
    };

    assert!(is_same(&accepted(square), &accepted(wide), &open));
    assert!(!is_same(&accepted(square), &accepted(wide), &said));
    assert!(is_same(&accepted(wide), &accepted(wide), &said));
}
