//! Many cold functions, one access token.

use atlas_cmk::{ids::SpokeRole, settings::Settings, step::Readers};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{attacker, world::World};

const CLIENT_ID: &str = "mdb_sa_id_66f0a1b2c3d4e5f601234567";

/// The clients of a function that has just been started, as many as are asked for.
async fn cold_starts(world: &World, count: usize) -> Vec<Readers> {
    let (engine, atlas) = (world.cloud.engine.url(), world.cloud.simulator.url());
    let of_function = attacker::inside(world, "describe").await;
    let credentials = of_function.credentials_provider().unwrap().provide_credentials().await.unwrap();
    let settings = Settings::read(|name| {
        let value = match name {
            "ATLAS_BASE_URL" => atlas.as_str(),
            "ATLAS_SECRET_ID" => "atlas-cmk/atlas",
            "ATLAS_TOKENS_SECRET_ID" => return Some(format!("{}/tokens", world.customer().stack)),
            "REGISTRY_TABLE" => world.cloud.stack.output("RegistryName").unwrap(),
            "AWS_REGION" => "us-east-1",
            "AWS_ENDPOINT_URL" => engine.as_str(),
            "AWS_ACCESS_KEY_ID" => credentials.access_key_id(),
            "AWS_SECRET_ACCESS_KEY" => credentials.secret_access_key(),
            "AWS_SESSION_TOKEN" => credentials.session_token().unwrap(),
            _ => return None,
        };
        Some(value.to_owned())
    });
    let settings = settings.unwrap();
    (0..count).map(|_| Readers::new(&settings, SpokeRole::Read).unwrap()).collect()
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
    let functions = cold_starts(&world, 200).await;
    let answers = join_all(functions.iter().map(|function| function.atlas.access_roles(&project))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert!(minted(&world).await <= 2, "{} tokens", minted(&world).await);

    // Those that come later find it, and where the token is revoked before its time it is replaced once for all.
    cold_starts(&world, 1).await[0].atlas.access_roles(&project).await.unwrap();
    assert!(minted(&world).await <= 2);
    let expire = format!("/credentials/{CLIENT_ID}/expire-tokens");
    world.cloud.simulator.ask(Method::POST, &expire, None).await.unwrap();
    let answers = join_all(functions.iter().map(|function| function.atlas.access_roles(&project))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert!(minted(&world).await <= 4, "{} tokens", minted(&world).await);
    cold_starts(&world, 1).await[0].atlas.access_roles(&project).await.unwrap();
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
    let early = cold_starts(&world, 3).await;
    let answers = join_all(early.iter().map(|function| function.atlas.access_roles(&project))).await;
    assert!(answers.iter().all(Result::is_err));
    rotate("mdb_sa_sk_a-secret").await;
    let functions = cold_starts(&world, 100).await;
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
    let key_arn = key.arn().unwrap().to_owned();
    world.redeploy(vec![("AtlasSecretKeyArn", key_arn)]).await;
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);

    let secrets = aws_sdk_secretsmanager::Client::new(&world.hub().sdk_config());
    let id = key.key_id();
    let described = secrets.describe_secret().secret_id(format!("{}/tokens/{id}", world.customer().stack));
    assert_eq!(described.send().await.unwrap().kms_key_id(), key.arn());
    assert_eq!(minted(&world).await, 1, "and every function could use it");
}

#[tokio::test]
async fn nobody_but_the_functions_reads_the_token_or_plants_one_and_it_goes_with_the_stack() {
    let world = World::with_secret(json!({"clientId": CLIENT_ID, "clientSecret": "mdb_sa_sk_a-secret"})).await;
    world.enable_successfully().await;
    let id = format!("{}/tokens", world.customer().stack);
    let administrator = attacker::role_with(world.hub(), "Administrator", "*").await;
    let secrets = aws_sdk_secretsmanager::Client::new(&administrator);
    let denied = |code: Option<&str>| assert_eq!(code, Some("AccessDeniedException"));
    denied(secrets.get_secret_value().secret_id(&id).send().await.unwrap_err().code());
    denied(secrets.put_secret_value().secret_id(&id).secret_string("{}").send().await.unwrap_err().code());
    denied(secrets.update_secret().secret_id(&id).secret_string("{}").send().await.unwrap_err().code());
    // As the secret with the credentials would have it, if it had no policy.
    secrets.get_secret_value().secret_id("atlas-cmk/atlas").send().await.unwrap();

    let function = aws_sdk_secretsmanager::Client::new(&attacker::inside(&world, "describe").await);
    let read = function.get_secret_value().secret_id(&id).send().await.unwrap();
    assert!(read.secret_string().unwrap().contains(CLIENT_ID), "the functions share a token");
    let without_atlas = aws_sdk_secretsmanager::Client::new(&attacker::inside(&world, "update-trust").await);
    denied(without_atlas.get_secret_value().secret_id(&id).send().await.unwrap_err().code());

    world.cloud.stack.delete_and_wait(&world.customer().stack).await.unwrap();
    let gone = aws_sdk_secretsmanager::Client::new(&world.hub().sdk_config());
    let gone = gone.describe_secret().secret_id(&id).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("ResourceNotFoundException"));
}
