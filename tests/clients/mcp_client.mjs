// Asks a Centinel MCP server through the TypeScript SDK (@modelcontextprotocol/client 2.4.0): discover,
// list, call, propose, take a call back.
//
//     node mcp_client.mjs MODE URL
//     node mcp_client.mjs MODE -- centinel --home HOME mcp
//
// MODE is `auto` (the newest revision both sides know), `legacy` (the handshake of 2025-11-25) or a
// revision. $CENTINEL_TEST_TOOLS is where scripts/setup-tests put the SDK. Prints one JSON object with
// what it was told, and exits 1 when a check fails. Leaves one budget proposal pending.

import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";

const require = createRequire(join(process.env.CENTINEL_TEST_TOOLS, "node", "package.json"));
const { Client, ProtocolError, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const BYTES_MAX = 8 * 1024;
const DECIDING_TOOLS = ["approve", "approve_proposal", "decide", "apply_change"];

function check(holds, what) {
  if (!holds) throw new Error(what);
}

function transport(server) {
  if (server[0] !== "--") return new StreamableHTTPClientTransport(new URL(server[0]));
  const [command, ...args] = server.slice(1);
  return new StdioClientTransport({ command, args });
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  check(!result.isError, `${name} ${JSON.stringify(args)}: ${JSON.stringify(result.content)}`);
  const size = Buffer.byteLength(JSON.stringify(result));
  check(size <= BYTES_MAX, `${name}: ${size} bytes, at most ${BYTES_MAX}`);
  check(result.structuredContent.summary, `${name}: no summary`);
  return result.structuredContent;
}

// A call that is taken back ends at once, and the next one is answered.
async function takeBack(client) {
  const controller = new AbortController();
  const asked = { name: "explain_change", arguments: { period: "last_30d", compare_to: "previous_period" } };
  const answer = client.callTool(asked, { signal: controller.signal }).then(
    () => "answered",
    () => "ended",
  );
  setImmediate(() => controller.abort("no longer needed"));
  check((await answer) === "ended", "the call was answered although it was taken back");
  await call(client, "data_health", {});
}

async function ask(client) {
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  const prompts = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
  check(prompts.includes("weekly_review"), `prompts: ${prompts}`);
  const prompt = await client.getPrompt({ name: "weekly_review" });
  check(prompt.messages.length > 0, "weekly_review is empty");

  const spend = await call(client, "spend_breakdown", { period: "last_30d", group_by: "model" });
  check(/^-?\d+(\.\d+)?$/.test(spend.total.net), `net ${spend.total.net} is no decimal string`);
  await call(client, "anomalies", { period: "last_90d" });

  const budget = { kind: "budget", amount: "31000", per: "month", reason: "spend rose; see the page" };
  const receipt = await call(client, "propose_change", budget);
  check(receipt.status === "pending_approval", receipt.status);
  const again = await call(client, "propose_change", budget);
  check(again.proposal_id === receipt.proposal_id && !again.created, "not idempotent");

  await takeBack(client);

  const refused = {};
  for (const name of DECIDING_TOOLS) {
    try {
      await client.callTool({ name, arguments: { proposal_id: receipt.proposal_id } });
      check(false, `\`${name}\` answered`);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused[name] = error.code;
    }
  }
  return {
    protocol_version: client.getNegotiatedProtocolVersion(),
    server: client.getServerVersion(),
    tools,
    prompts,
    answers: { receipt, refused_tools: refused },
  };
}

async function main() {
  const [mode, ...server] = process.argv.slice(2);
  const isNamed = mode === "auto" || mode === "legacy";
  const client = new Client(
    { name: "typescript-check", version: "1" },
    { versionNegotiation: { mode: isNamed ? mode : { pin: mode } } },
  );
  await client.connect(transport(server));
  try {
    console.log(JSON.stringify(await ask(client), null, 1));
  } finally {
    await client.close();
  }
}

main().catch((error) => {
  console.error(`failed: ${error.stack ?? error}`);
  process.exit(1);
});
