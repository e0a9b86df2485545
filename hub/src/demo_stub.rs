//! stub
/// stub
pub async fn run(_: crate::cli::DemoArgs) -> Result<std::process::ExitCode, Box<dyn std::error::Error + Send + Sync>> { Ok(std::process::ExitCode::SUCCESS) }
