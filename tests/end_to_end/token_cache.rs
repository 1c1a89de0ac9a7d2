//! Many cold functions, one access token.

use atlas_cmk::{ids::SpokeRole, settings::Settings, step::Readers};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const CLIENT_ID: &str = "mdb_sa_id_66f0a1b2c3d4e5f601234567";

/// The clients of a function that has just been started.
fn cold_start(world: &World) -> Readers {
    let (engine, atlas) = (world.cloud.engine.url(), world.cloud.simulator.url());
    let settings = Settings::read(|name| {
        let value = match name {
            "ATLAS_BASE_URL" => atlas.as_str(),
            "ATLAS_SECRET_ID" => "atlas-cmk/atlas",
            "AWS_REGION" => "us-east-1",
            "AWS_ENDPOINT_URL" => engine.as_str(),
            "AWS_ACCESS_KEY_ID" => world.customer().hub.as_str(),
            "AWS_SECRET_ACCESS_KEY" => "local",
            "TOKEN_CACHE_PREFIX" => "atlas-cmk/tokens/",
            _ => return None,
        };
        Some(value.to_owned())
    });
    Readers::new(&settings.unwrap(), SpokeRole::Read).unwrap()
}

async fn minted(world: &World) -> usize {
    let requests = world.cloud.simulator.requests().await.unwrap();
    let is_mint = |request: &&Value| request["path"] == "/api/oauth/token" && request["status"] == 200;
    requests.iter().filter(is_mint).count()
}

#[tokio::test]
async fn two_hundred_cold_starts_at_once_share_one_token() {
    let world = World::with_secret(json!({"clientId": CLIENT_ID, "clientSecret": "mdb_sa_sk_a-secret"})).await;
    let project = world.project_id();
    let functions: Vec<Readers> = (0..200).map(|_| cold_start(&world)).collect();
    let answers = join_all(functions.iter().map(|function| function.atlas.access_roles(&project))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert!(minted(&world).await <= 2, "{} tokens", minted(&world).await);

    // Those that come later find it, and where the token is revoked before its time it is replaced once for all.
    cold_start(&world).atlas.access_roles(&project).await.unwrap();
    assert!(minted(&world).await <= 2);
    let expire = format!("/credentials/{CLIENT_ID}/expire-tokens");
    world.cloud.simulator.ask(Method::POST, &expire, None).await.unwrap();
    let answers = join_all(functions.iter().map(|function| function.atlas.access_roles(&project))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert!(minted(&world).await <= 4, "{} tokens", minted(&world).await);
    cold_start(&world).atlas.access_roles(&project).await.unwrap();
    assert!(minted(&world).await <= 4);
}

#[tokio::test]
async fn credentials_that_were_wrong_for_a_while_do_not_spoil_the_sharing() {
    let world = World::with_secret(json!({"clientId": CLIENT_ID, "clientSecret": "mdb_sa_sk_a-secret"})).await;
    let project = world.project_id();
    let rotate = async |secret: &str| {
        let path = format!("/credentials/{CLIENT_ID}");
        world.cloud.simulator.ask(Method::PUT, &path, Some(json!({"clientSecret": secret}))).await.unwrap();
    };
    rotate("mdb_sa_sk_another").await;
    let early: Vec<Readers> = (0..3).map(|_| cold_start(&world)).collect();
    let answers = join_all(early.iter().map(|function| function.atlas.access_roles(&project))).await;
    assert!(answers.iter().all(Result::is_err));
    rotate("mdb_sa_sk_a-secret").await;
    let functions: Vec<Readers> = (0..100).map(|_| cold_start(&world)).collect();
    let answers = join_all(functions.iter().map(|function| function.atlas.access_roles(&project))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert!(minted(&world).await <= 2, "{} tokens", minted(&world).await);
}

#[tokio::test]
async fn the_functions_of_a_run_share_one_token() {
    let world = World::with_secret(json!({"clientId": CLIENT_ID, "clientSecret": "mdb_sa_sk_a-secret"})).await;
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(minted(&world).await, 1);
}

#[tokio::test]
async fn the_token_is_encrypted_with_the_key_of_the_secret() {
    let secret = json!({"clientId": CLIENT_ID, "clientSecret": "mdb_sa_sk_a-secret"});
    let mut world = World::with_secret(secret).await;
    let kms = aws_sdk_kms::Client::new(&world.hub().sdk_config());
    let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
    let boundary = world.customer().access_role_boundary();
    let key_arn = key.arn().unwrap().to_owned();
    world.redeploy(vec![("AtlasSecretKeyArn", key_arn), ("AccessRoleBoundaryArn", boundary)]).await;
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);

    let secrets = aws_sdk_secretsmanager::Client::new(&world.hub().sdk_config());
    let kept = secrets.list_secrets().send().await.unwrap().secret_list.unwrap();
    let prefix = format!("{}/tokens/", world.customer().stack);
    let tokens: Vec<_> = kept.iter().filter(|it| it.name().is_some_and(|name| name.starts_with(&prefix))).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    let described = secrets.describe_secret().secret_id(tokens[0].arn().unwrap()).send().await.unwrap();
    assert_eq!(described.kms_key_id(), key.arn());
    assert_eq!(minted(&world).await, 1, "and every function could use it");
}
