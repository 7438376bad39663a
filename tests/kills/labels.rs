//! No bad moment is forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::POINTS;

use crate::TESTED;

const CALL: &str = "crash::point(\"";

#[test]
fn every_crash_point_has_its_test() -> anyhow::Result<()> {
    let mut points = BTreeSet::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../services"),
        &mut points,
    )?;

    let known = POINTS.iter().map(|point| point.label.to_owned());
    assert_eq!(points, known.collect());
    assert_eq!(
        points,
        TESTED.iter().map(|&label| label.to_owned()).collect()
    );
    Ok(())
}

/// Adds the labels that the sources below `folder` name.
fn collect(folder: &Path, points: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, points)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path)?;
            let labels = source.split(CALL).skip(1);
            points.extend(labels.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    Ok(())
}
