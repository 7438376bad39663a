//! Who may depend on whom. A new edge between our packages is a change of the design: it is made
//! here too, in a commit that says why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Each package and those of ours that it is built on.
const EDGES: &[(&str, &[&str])] = &[
    // Data, and its forms outside.
    ("domain", &[]),
    ("wire", &["domain"]),
    // One outside party or one idea each.
    ("runtime", &[]),
    ("egress", &[]),
    ("storage", &["runtime"]),
    ("webhooks", &[]),
    // It takes the requester's choice of cuts as it is.
    ("imaging", &["domain"]),
    ("ideogram", &["domain"]),
    ("history", &["domain", "wire"]),
    ("bus", &["domain", "runtime", "wire"]),
    // The services: never on each other.
    (
        "gateway",
        &[
            "bus", "domain", "ideogram", "imaging", "runtime", "storage", "wire",
        ],
    ),
    (
        "generator",
        &[
            "bus", "domain", "egress", "ideogram", "imaging", "runtime", "storage", "wire",
        ],
    ),
    (
        "uploader",
        &[
            "bus", "domain", "egress", "imaging", "runtime", "storage", "wire",
        ],
    ),
    (
        "post-processor",
        &["bus", "domain", "imaging", "runtime", "storage", "wire"],
    ),
    (
        "notifier",
        &["bus", "domain", "egress", "runtime", "webhooks", "wire"],
    ),
    (
        "historian",
        &["bus", "domain", "history", "runtime", "wire"],
    ),
    // All in one, and the provider's stand-in that it brings along.
    ("ideogram-sim", &[]),
    (
        "darkroom",
        &[
            "bus",
            "domain",
            "gateway",
            "generator",
            "historian",
            "ideogram",
            "ideogram-sim",
            "notifier",
            "post-processor",
            "runtime",
            "uploader",
            "webhooks",
        ],
    ),
    // Never shipped.
    ("testkit", &["runtime"]),
    (
        "e2e",
        &[
            "bus",
            "gateway",
            "generator",
            "historian",
            "ideogram-sim",
            "notifier",
            "post-processor",
            "runtime",
            "testkit",
            "uploader",
        ],
    ),
];

/// Who takes part in tests only.
const TESTS_ONLY: [&str; 2] = ["testkit", "e2e"];

/// A manifest, as far as it matters here.
struct Package {
    name: String,
    is_service: bool,
    dependencies: BTreeSet<String>,
    dev_dependencies: BTreeSet<String>,
}

#[test]
fn every_edge_is_one_that_we_decided_on() -> anyhow::Result<()> {
    let packages = packages()?;
    let found: BTreeMap<&str, BTreeSet<&str>> = packages
        .iter()
        .map(|package| (package.name.as_str(), ours(&package.dependencies)))
        .collect();
    let decided: BTreeMap<&str, BTreeSet<&str>> = EDGES
        .iter()
        .map(|(name, edges)| (*name, edges.iter().copied().collect()))
        .collect();
    assert_eq!(found, decided);
    Ok(())
}

#[test]
fn no_service_knows_another_even_in_its_tests() -> anyhow::Result<()> {
    let packages = packages()?;
    let services: BTreeSet<&str> = packages
        .iter()
        .filter(|package| package.is_service)
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(services.len(), 6);
    for package in packages.iter().filter(|package| !knows_all(package)) {
        let all = package.dependencies.union(&package.dev_dependencies);
        let known: Vec<_> = all
            .filter(|name| services.contains(name.as_str()))
            .collect();
        assert!(known.is_empty(), "{} knows {known:?}", package.name);
    }
    Ok(())
}

#[test]
fn what_is_for_tests_is_in_nothing_that_is_shipped() -> anyhow::Result<()> {
    let packages = packages()?;
    let shipped = |package: &&Package| !TESTS_ONLY.contains(&package.name.as_str());
    for package in packages.iter().filter(shipped) {
        for name in TESTS_ONLY {
            assert!(
                !package.dependencies.contains(name),
                "{} ships {name}",
                package.name
            );
        }
    }
    Ok(())
}

#[test]
fn only_the_bus_speaks_nats() -> anyhow::Result<()> {
    let speakers: Vec<_> = packages()?
        .into_iter()
        .filter(|package| package.dependencies.contains("async-nats"))
        .map(|package| package.name)
        .filter(|name| !TESTS_ONLY.contains(&name.as_str()))
        .collect();
    assert_eq!(speakers, ["bus"]);
    Ok(())
}

/// `darkroom up` and the tests of the whole run all services.
fn knows_all(package: &Package) -> bool {
    ["darkroom", "e2e"].contains(&package.name.as_str())
}

fn ours(names: &BTreeSet<String>) -> BTreeSet<&str> {
    let is_ours = |name: &&str| EDGES.iter().any(|(known, _)| known == name);
    names.iter().map(String::as_str).filter(is_ours).collect()
}

/// All packages of the workspace.
fn packages() -> anyhow::Result<Vec<Package>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut packages = vec![read(root.join("tests"), false)?];
    for (folder, is_service) in [("crates", false), ("services", true)] {
        for entry in std::fs::read_dir(root.join(folder))? {
            packages.push(read(entry?.path(), is_service)?);
        }
    }
    Ok(packages)
}

fn read(folder: PathBuf, is_service: bool) -> anyhow::Result<Package> {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let manifest: toml::Table = text.parse()?;
    let names = |section: &str| -> BTreeSet<String> {
        let table = manifest.get(section).and_then(toml::Value::as_table);
        table
            .into_iter()
            .flat_map(toml::Table::keys)
            .cloned()
            .collect()
    };
    let name = manifest["package"]["name"].as_str();
    // A section that this test does not read would be a way around it.
    for section in ["target", "build-dependencies"] {
        anyhow::ensure!(
            !manifest.contains_key(section),
            "{}: [{section}]",
            path.display()
        );
    }
    Ok(Package {
        name: name.context("a package without a name")?.to_owned(),
        is_service,
        dependencies: names("dependencies"),
        dev_dependencies: names("dev-dependencies"),
    })
}
