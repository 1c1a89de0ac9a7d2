//! Digest with API keys, tokens of service accounts, and roles.

use anyhow::{Context as _, Result};
use digest_auth::{AuthContext, WwwAuthenticateHeader};
use reqwest::{Method, header};
use serde_json::json;

use crate::world::{CLIENT_ID, PROJECT, Reply, World, send};

const GROUPS: &str = "/cloudProviderAccess";

/// Sends a GET with the answer to a challenge; each call counts the nonce up.
async fn respond(world: &World, challenge: &mut WwwAuthenticateHeader, private_key: &str) -> Result<Reply> {
    let target = format!("/api/atlas/v2/groups/{PROJECT}{GROUPS}");
    let answer = challenge.respond(&AuthContext::new("publickey", private_key, target))?;
    send(world.bare(Method::GET, GROUPS).header(header::AUTHORIZATION, answer.to_string())).await
}

async fn challenge(world: &World) -> Result<WwwAuthenticateHeader> {
    let refused = send(world.bare(Method::GET, GROUPS)).await?;
    Ok(digest_auth::parse(refused.header("www-authenticate"))?)
}

async fn world_with_key() -> Result<World> {
    let world = World::start().await?;
    world.scene("credentials", json!({"publicKey": "publickey", "privateKey": "privatekey"})).await?;
    Ok(world)
}

#[tokio::test]
async fn a_request_without_credentials_gets_the_recorded_challenge() -> Result<()> {
    let world = World::start().await?;
    let reply = send(world.bare(Method::GET, GROUPS)).await?;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.text,
        r#"{"error":401,"reason":"Unauthorized","detail":"You are not authorized for this resource.","errorCode":"UNEXPECTED_ERROR"}"#
    );
    let value = reply.header("www-authenticate");
    assert!(value.starts_with(r#"Digest realm="MMS Public API", domain="", nonce=""#), "{value}");
    assert!(value.ends_with(r#"", algorithm=MD5, qop="auth", stale=false"#), "{value}");
    Ok(())
}

#[tokio::test]
async fn a_nonce_serves_many_requests_until_it_is_stale() -> Result<()> {
    let world = world_with_key().await?;
    let mut nonce = challenge(&world).await?;
    for _ in 0..3 {
        assert_eq!(respond(&world, &mut nonce, "privatekey").await?.status, 200);
    }
    world.behave(json!({"nonceLifetimeSeconds": 0})).await?;
    let stale = respond(&world, &mut nonce, "privatekey").await?;
    assert_eq!(stale.status, 401);
    assert!(stale.header("www-authenticate").ends_with("stale=true"));

    world.behave(json!({"nonceLifetimeSeconds": 30})).await?;
    let mut nonce = challenge(&world).await?;
    assert_eq!(respond(&world, &mut nonce, "privatekey").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_replaced_private_key_stops_working_at_once() -> Result<()> {
    let world = world_with_key().await?;
    let mut nonce = challenge(&world).await?;
    assert_eq!(respond(&world, &mut nonce, "privatekey").await?.status, 200);
    let rotated = world.http.put(world.url("/_sim/credentials/publickey")).json(&json!({"privateKey": "new"}));
    assert_eq!(send(rotated).await?.status, 204);
    let refused = respond(&world, &mut nonce, "privatekey").await?;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").ends_with("stale=false"));
    assert_eq!(respond(&world, &mut nonce, "new").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_or_expired() -> Result<()> {
    let world = World::start().await?;
    let minted = send(world.mint("mdb_sa_sk_secret")).await?.json();
    assert_eq!(minted["expires_in"], 3600);
    assert_eq!(minted["token_type"], "Bearer");
    let token = minted["access_token"].as_str().context("a token")?;
    let used = || send(world.bare(Method::GET, GROUPS).bearer_auth(token));
    assert_eq!(used().await?.status, 200);

    let revoke = world
        .http
        .post(world.url("/api/oauth/revoke"))
        .basic_auth(CLIENT_ID, Some("mdb_sa_sk_secret"))
        .form(&[("token", token), ("token_type_hint", "access_token")]);
    let revoked = send(revoke).await?;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(used().await?.status, 401);

    assert_eq!(world.get(GROUPS).await?.status, 200);
    let expire = world.http.post(world.url(&format!("/_sim/credentials/{CLIENT_ID}/expire-tokens")));
    assert_eq!(send(expire).await?.status, 204);
    assert_eq!(world.get(GROUPS).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn the_101st_live_token_is_refused() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"mintsPerMinute": 1000})).await?;
    // The world has minted one already.
    for _ in 1..100 {
        assert_eq!(send(world.mint("mdb_sa_sk_secret")).await?.status, 200);
    }
    let refused = send(world.mint("mdb_sa_sk_secret")).await?;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json(),
        json!({
            "error": "access_denied",
            "error_description": "Access Token limit reached. Please use the existing Access Tokens or create a new Service Account.",
        })
    );
    Ok(())
}

#[tokio::test]
async fn errors_of_the_token_endpoint_are_oauths() -> Result<()> {
    let world = World::start().await?;
    let refused = send(world.mint("wrong")).await?;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.json(),
        json!({"error": "invalid_client", "error_description": "Invalid credentials provided."})
    );
    let other_grant = world
        .http
        .post(world.url("/api/oauth/token"))
        .basic_auth(CLIENT_ID, Some("mdb_sa_sk_secret"))
        .form(&[("grant_type", "password")]);
    assert_eq!(send(other_grant).await?.json()["error"], "unsupported_grant_type");
    Ok(())
}

#[tokio::test]
async fn roles_decide_what_a_credential_may_do() -> Result<()> {
    let world = World::start().await?;
    let reader = "mdb_sa_id_aaaaaaaaaaaaaaaaaaaaaaaa";
    let stranger = "mdb_sa_id_bbbbbbbbbbbbbbbbbbbbbbbb";
    world
        .scene("credentials", json!({"clientId": reader, "clientSecret": "r", "projectRole": "GROUP_READ_ONLY"}))
        .await?;
    world.scene("credentials", json!({"clientId": stranger, "clientSecret": "s", "roles": {}})).await?;
    let get = async |client: &str, secret: &str, path: &str| -> Result<String> {
        let mint = world
            .http
            .post(world.url("/api/oauth/token"))
            .basic_auth(client, Some(secret))
            .form(&[("grant_type", "client_credentials")]);
        let token = send(mint).await?.json()["access_token"].as_str().context("a token")?.to_owned();
        Ok(send(world.bare(Method::GET, path).bearer_auth(token)).await?.error())
    };
    assert_eq!(get(reader, "r", "/encryptionAtRest").await?, "200 ");
    assert_eq!(get(reader, "r", "/encryptionAtRest/AWS/privateEndpoints").await?, "401 USER_UNAUTHORIZED");
    assert_eq!(get(stranger, "s", "/encryptionAtRest").await?, "401 NOT_IN_GROUP");
    Ok(())
}
