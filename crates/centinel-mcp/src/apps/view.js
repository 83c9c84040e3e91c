// What both views do: meet the client, take the answer, draw it. Text goes into text nodes only, and no
// figure is computed but the lengths of bars.
const view = document.getElementById("view");
let host = null, nextId = 1, waiting = new Map();
function send(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, host ?? "*");
}
function request(method, params) {
  const id = nextId++;
  return new Promise((done, failed) => {
    waiting.set(id, { done, failed });
    send({ id, method, params });
  });
}
function tell(method, params) { send({ method, params: params ?? {} }); }
function appearance(context) {
  if (context?.theme === "dark" || context?.theme === "light")
    document.documentElement.dataset.theme = context.theme;
  const wanted = ["--font-sans", "--font-mono"];
  for (const name of wanted) {
    const value = context?.styles?.variables?.[name];
    if (typeof value === "string") document.documentElement.style.setProperty(name, value);
  }
}
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  for (const child of children.flat()) if (child !== null && child !== undefined)
    made.append(child instanceof Node ? child : document.createTextNode(String(child)));
  return made;
}
const words = (name) => String(name).replaceAll("_", " ");
// A decimal as it came, with its currency: every digit, those after the second small, zeros at the end
// left out.
function amount(text, currency, signed) {
  const negative = text.startsWith("-");
  const [whole, part = ""] = (negative ? text.slice(1) : text).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const sign = negative ? "\u2212" : signed && /[1-9]/.test(text) ? "+" : "";
  const digits = part.replace(/0+$/, "");
  const cents = digits ? `.${digits.slice(0, 2).padEnd(2, "0")}` : "";
  const rest = digits.slice(2);
  return el("span", {}, `${sign}${grouped}${cents}`, rest ? el("small", {}, rest) : null, ` ${currency ?? ""}`);
}
function scope(values) {
  const entries = Object.entries(values ?? {});
  return entries.length ? entries.map(([name, value]) => `${words(name)} ${value}`).join(", ") : "all spend";
}
const day = (time) => typeof time === "string" ? time.slice(0, 10) : "";
function list(title, items) {
  return items.length ? [el("h2", {}, title), el("ul", {}, items.map((item) => el("li", {}, item)))] : [];
}
function grounds(answer) {
  const facts = [
    answer.period && ["Period", typeof answer.period === "string" ? answer.period
      : `${day(answer.period.start)} to before ${day(answer.period.end)}`],
    answer.as_of && ["As of", answer.as_of],
    answer.fresh_until && ["Sources delivered up to", answer.fresh_until],
    answer.evidence_id && ["Evidence", answer.evidence_id],
  ].filter(Boolean);
  const notes = (answer.notes ?? []).map(String);
  const shown = el("details", {}, el("summary", {}, "What this stands on"),
    el("dl", {}, facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    notes.length ? el("ul", {}, notes.map((note) => el("li", {}, note))) : null);
  shown.addEventListener("toggle", resized);
  return shown;
}
function answerOf(result) {
  if (result?.structuredContent && typeof result.structuredContent === "object") return result.structuredContent;
  const text = (result?.content ?? []).find((block) => block.type === "text")?.text;
  try { return JSON.parse(text); } catch { return null; }
}
function show(result) {
  const answer = answerOf(result);
  view.removeAttribute("aria-busy");
  if (result?.isError || answer === null) {
    const text = (result?.content ?? []).find((block) => block.type === "text")?.text;
    view.replaceChildren(el("p", { role: "alert" }, text ?? "There is no answer to show."));
  } else {
    try { view.replaceChildren(...draw(answer).flat().filter(Boolean)); }
    catch { view.replaceChildren(el("p", { role: "alert" }, "This answer cannot be drawn; it is in the conversation.")); }
  }
  resized();
}
function resized() {
  const { width, height } = document.documentElement.getBoundingClientRect();
  tell("ui/notifications/size-changed", { width: Math.ceil(width), height: Math.ceil(height) });
}
window.addEventListener("message", (event) => {
  if (event.source !== window.parent) return;
  const message = event.data;
  if (message?.jsonrpc !== "2.0") return;
  // Whoever answered first is the client; an opaque origin cannot be named.
  if (host === null && event.origin && event.origin !== "null") host = event.origin;
  if (message.method === undefined) {
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) asked?.failed(message.error); else asked?.done(message.result);
    return;
  }
  switch (message.method) {
    case "ui/notifications/tool-result": show(message.params); break;
    case "ui/notifications/host-context-changed": appearance(message.params); resized(); break;
    case "ui/notifications/tool-cancelled":
      view.replaceChildren(el("p", {}, "The call was cancelled.")); resized(); break;
    case "ui/resource-teardown": case "ping": send({ id: message.id, result: {} }); break;
    default:
      if (message.id !== undefined)
        send({ id: message.id, error: { code: -32601, message: "no such method" } });
  }
});
request("ui/initialize", {
  appInfo: { name: "centinel", version: "1" },
  appCapabilities: { availableDisplayModes: ["inline"] },
  protocolVersion: "2026-01-26",
}).then((met) => {
  appearance(met?.hostContext);
  tell("ui/notifications/initialized");
  resized();
  new ResizeObserver(resized).observe(document.body);
}).catch(() => { view.replaceChildren(el("p", { role: "alert" }, "This client cannot show the view.")); });
