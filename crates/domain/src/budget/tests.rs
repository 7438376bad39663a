use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, prop_assume, proptest};

use super::*;

#[test]
fn people_type_what_they_read() -> Result<(), InvalidScope> {
    for text in [
        "tenant:default",
        "campaign:default:summer",
        "campaign:acme-shop:Été 2026: the 2nd. > *",
        "key:default:laptop",
    ] {
        assert_eq!(text.parse::<Scope>()?.to_string(), text);
    }
    Ok(())
}

#[test]
fn what_names_no_scope_is_refused() {
    let long = format!("key:default:{}", "n".repeat(129));
    for bad in [
        "",
        "default",
        "tenant:",
        "tenant:a.b",
        "tenant:default:summer",
        "campaign:default",
        "campaign:default:",
        "campaign:default: summer",
        "campaign:default:a\nb",
        "campaign::summer",
        "team:default:summer",
        &long,
    ] {
        assert!(bad.parse::<Scope>().is_err(), "{bad}");
    }
}

#[test]
fn a_token_is_legible_where_the_name_is_plain() -> Result<(), InvalidScope> {
    let token = |text: &str| text.parse().map(|scope: Scope| scope.token());
    assert_eq!(token("tenant:default")?, "tenant-default");
    assert_eq!(token("campaign:default:summer")?, "campaign-default-summer");
    assert_eq!(
        token("key:acme-shop:a.b é")?,
        "key-acme_2dshop-a_2eb_20_c3_a9"
    );
    Ok(())
}

#[test]
fn a_scope_has_one_token() {
    for bad in [
        "",
        "tenant",
        "tenant_3adefault",
        "tenant-default_",
        "tenant-default_2",
        "tenant-defaul_74",
        "key-default-_FF",
        "key-default-_ff",
        "key-default-_2E",
        "key-default-a.b",
    ] {
        assert!(Scope::from_token(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_smallest_scope_comes_first() -> Result<(), InvalidScope> {
    let mut scopes: Vec<Scope> = vec![
        "tenant:a".parse()?,
        "campaign:a:a".parse()?,
        "key:z:z".parse()?,
    ];
    scopes.sort();
    let sorted: Vec<_> = scopes.iter().map(Scope::to_string).collect();
    assert_eq!(sorted, ["key:z:z", "campaign:a:a", "tenant:a"]);
    Ok(())
}

#[test]
fn a_budget_limits_something() {
    let cent = Usd::from_micros(10_000);
    assert_eq!(Budget::new(None, None), Err(InvalidBudget::Unlimited));
    let debt = Budget::new(Some(cent), Some(Usd::from_micros(-1_000_000)));
    let told = debt.map_err(|err| err.to_string());
    assert_eq!(
        told,
        Err("`total` is -$1.00: expected zero, which allows nothing, or more".to_owned())
    );
    let budget = Budget::new(None, Some(Usd::ZERO));
    assert_eq!(
        budget.map(|budget| (budget.limit(Window::Day), budget.limit(Window::Total))),
        Ok((None, Some(Usd::ZERO)))
    );
}

proptest! {
    #[test]
    fn a_token_is_safe_and_leads_back(
        kind in 0..3,
        owner in "[A-Za-z0-9_-]{1,64}",
        name in any::<String>(),
    ) {
        let tenant = owner.parse::<Tenant>()?;
        let scope = match kind {
            0 => Scope::Key(tenant, name),
            1 => Scope::Campaign(tenant, name),
            _ => Scope::Tenant(tenant),
        };
        prop_assume!(scope.to_string().parse::<Scope>().is_ok());

        let token = scope.token();
        let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        prop_assert!(token.bytes().all(safe));
        prop_assert_eq!(Scope::from_token(&token), Ok(scope));
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        if let Ok(scope) = Scope::from_token(&text) {
            prop_assert_eq!(scope.token(), text);
        }
    }
}
