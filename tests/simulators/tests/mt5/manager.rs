//! A client of the MT5 Web API for the tests, written from the documentation.

use std::time::Duration;

use hub_simulators::http_client;
use hub_simulators::mt5::Mt5Sim;
use md5::{Digest, Md5};
use serde_json::{Value, json};

/// One client that keeps one connection: reqwest reuses an idle connection before it opens another, and the tests
/// send one request at a time.
pub struct Manager {
    pub http: reqwest::Client,
    pub base: String,
}

impl Manager {
    pub fn stranger(sim: &Mt5Sim) -> Self {
        Self { http: http_client(Duration::from_secs(5)).unwrap(), base: sim.base_url() }
    }

    pub async fn of(sim: &Mt5Sim) -> Self {
        let manager = Self::stranger(sim);
        assert_eq!(manager.log_in("Sim#Manager1").await.0, 200);
        manager
    }

    /// The documented log-in, computed here with nothing of the simulator's.
    pub async fn log_in(&self, password: &str) -> (u16, Value) {
        let (status, start) =
            self.get("/api/auth/start?version=3470&agent=test&login=1000&type=manager").await;
        assert_eq!((status, &start["retcode"]), (200, &json!("0 Done")));
        let srv_rand = hex::decode(start["srv_rand"].as_str().unwrap()).unwrap();
        let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let h = Md5::digest([Md5::digest(utf16).as_slice(), b"WebAPI"].concat());
        let answer = hex::encode(Md5::digest([h.as_slice(), &srv_rand].concat()));
        let cli_rand = [9_u8; 16];
        let path =
            format!("/api/auth/answer?srv_rand_answer={answer}&cli_rand={}", hex::encode(cli_rand));
        let (status, body) = self.get(&path).await;
        if status == 200 {
            let expected = hex::encode(Md5::digest([h.as_slice(), &cli_rand].concat()));
            assert_eq!(body["cli_rand_answer"], expected, "the server proves itself");
        }
        (status, body)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response =
            self.http.post(format!("{}{path}", self.base)).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The answer of a call that must succeed.
    pub async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!((status, &body["retcode"]), (200, &json!("0 Done")), "{path}: {body}");
        body["answer"].clone()
    }

    /// The return code of a call that must fail.
    pub async fn refused(&self, path: &str) -> String {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(body.get("answer").is_none());
        body["retcode"].as_str().unwrap().to_owned()
    }

    pub async fn add_user(&self) -> u64 {
        let path = "/api/user/add?group=prop%5Cchallenge-usd&name=Ann%20Lee&leverage=100";
        let body = json!({ "PassMain": "1Ar#pqkj", "PassInvestor": "2Ar#pqkj", "EMail": "ann@example.com" });
        let (_, added) = self.post(path, body).await;
        assert_eq!(added["retcode"], "0 Done", "{added}");
        assert_eq!(added["login"], added["answer"]["Login"]);
        added["login"].as_str().unwrap().parse().unwrap()
    }

    pub async fn deposit(&self, login: u64, amount: &str, comment: &str) -> Value {
        self.ok(&format!(
            "/api/trade/balance?login={login}&type=2&balance={amount}&comment={comment}"
        ))
        .await
    }

    /// Server time now, in seconds.
    pub async fn server_time_s(&self) -> i64 {
        let answer = self.ok("/api/time/server").await;
        answer["Time"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
    }
}
