//! The main job: a photograph in the event, its thumbnail in the response.

use crate::test_host::{self, invoke, log, payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fixture_artifacts::{THUMBNAIL_COMPONENT, THUMBNAIL_CORE};
use fnhost::Code;
use image::imageops::FilterType;
use serde_json::json;

const PHOTOGRAPH: &[u8] = include_bytes!("../../../fixtures/photo/chelsea.png");
/// Of a channel, 0 to 255: floating point is the same everywhere, but what compilers make of it need not be.
const DIFFERENCE_MAX: u8 = 2;

#[tokio::test]
pub(crate) async fn the_main_job() {
    let photograph = image::load_from_memory(PHOTOGRAPH).unwrap();
    let expected = photograph.resize(128, u32::MAX, FilterType::Lanczos3).to_rgb8();
    for guest in [THUMBNAIL_CORE, THUMBNAIL_COMPONENT] {
        let host = test_host::host();
        // Unoptimised compilations and busy machines scale slowly; deadlines are tested elsewhere.
        host.create_function("thumbnail", Code::file(guest)).memory_mb(256).timeout_secs(60).await.unwrap();
        let v1 = host.publish_version("thumbnail").await.unwrap();
        host.create_alias("thumbnail", "live", v1).await.unwrap();

        let event = json!({"image": STANDARD.encode(PHOTOGRAPH), "width": 128});
        let response = invoke(&host, "thumbnail:live", event).await;
        assert_eq!((response.status, response.function_error.as_ref()), (200, None), "{guest}");
        assert_eq!(response.executed_version.unwrap().to_string(), "1");

        let reply = payload(&response);
        assert_eq!(
            (&reply["width"], &reply["height"], &reply["format"]),
            (&json!(128), &json!(85), &json!("png")),
            "{guest}"
        );
        let line = format!("scaled a png of {}x{} to 128x85, ", photograph.width(), photograph.height());
        assert!(log(&response).contains(&line), "{guest}: {}", log(&response));

        let thumbnail = STANDARD.decode(reply["image"].as_str().unwrap()).unwrap();
        let thumbnail = image::load_from_memory_with_format(&thumbnail, image::ImageFormat::Png).unwrap().to_rgb8();
        assert_eq!(thumbnail.dimensions(), expected.dimensions(), "{guest}");
        for (x, y, pixel) in expected.enumerate_pixels() {
            let found = thumbnail.get_pixel(x, y);
            let near = pixel.0.iter().zip(found.0).all(|(one, other)| one.abs_diff(other) <= DIFFERENCE_MAX);
            assert!(near, "{guest}: the pixel at {x}, {y} is {found:?} instead of {pixel:?}");
        }
    }
}
