//! `drawbridge explain`: which rule decides on a request of an agent's; and what a raw request is to the
//! gateway.

mod agent;
mod request;

use clap::{Args, ValueEnum};

use super::World;
use super::failure::Misused;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge explain cleanup delete jobs.batch report -n batch --cluster prod
  drawbridge explain cleanup create pods/exec -n batch
  drawbridge explain --request 'GET /api/v1/namespaces/ci/pods?watch=true'
  drawbridge explain --request 'DELETE /apis/batch/v1/namespaces/ci/jobs/x' -o json
  drawbridge explain --request - < lines.txt

Of an agent it says which rule decides, or why none does, with the rules that
were looked at: what each asks for, whether it applies and why, and which calls
to the cluster the decision makes beside the request. Nothing is sent to a
cluster; what its ceiling would say is its own to know.

A request line is a method, one space, and path and query as they are sent: no
address, no /clusters/NAME, no HTTP/1.1. It is read as the API server's
RequestInfo reads it, or refused with the reason; no server is asked.

With '-' every line of standard input is answered at once by one JSON object on
a line: the attributes, with the keys isResourceRequest path verb apiPrefix
apiGroup apiVersion namespace resource subresource name parts fieldSelector
labelSelector, or {\"refused\": REASON, \"message\": SENTENCE}. Strings are \"\" and
parts is [] where there is nothing. A line ends with LF or CRLF. Empty lines are
answered too (empty-line), and so is one of more than 65536 bytes (line-too-long).

Exit status: 0 read or let through (with '-' at the end of input), 3 refused.")]
pub struct Explain {
    #[command(flatten)]
    agent: agent::Question,
    /// A raw request line; '-' for lines on standard input.
    #[arg(long, value_name = "LINE")]
    request: Option<String>,
    /// How to print it. Lines of standard input are always answered in JSON.
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line for each attribute that there is.
    Text,
    /// One JSON object on a line.
    Json,
}

impl Explain {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let text = self.output == Some(Output::Text);
        match self.request.as_deref() {
            Some("-") if text => {
                Err(Misused("lines of standard input are answered in JSON: leave out -o text".into()).into())
            }
            Some("-") => request::answer(std::io::stdin().lock(), world.terminal),
            Some(line) => request::explain(line, self.output.unwrap_or(Output::Text), world.terminal),
            None => self.agent.run(self.output.unwrap_or(Output::Text), world).await,
        }
    }
}
