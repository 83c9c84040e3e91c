// Proposals as cards to read. Nothing here decides: there is no button, and the address of the page for
// people is text.
function facts(pairs) {
  return el("dl", {}, pairs.filter(([, value]) => value !== undefined && value !== null && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
function saving(interval) {
  const shown = (end) => typeof end === "string" ? end : amount(end.amount, end.currency);
  return interval && el("span", {}, shown(interval.low), " to ", shown(interval.high), " a month");
}
function card(row, more) {
  return el("article", { tabindex: "0", "aria-label": `Proposal ${row.proposal_id}` },
    el("h1", {}, `${row.proposal_id} `, el("span", { class: "status" }, words(row.status))),
    el("p", {}, row.title),
    facts([
      ["Kind", words(row.kind)],
      ["Proposed by", row.proposed_by],
      ["At", row.created_at],
      ["Lapses", row.expires_at],
      ["Promises", saving(row.monthly_saving)],
      ...more,
    ]));
}
function draw(answer) {
  const summary = el("p", {}, answer.summary);
  const decided = el("p", { class: "quiet" }, "A person decides, outside this conversation.");
  if (answer.rows === undefined) {
    const changes = (answer.changes ?? []).map((change) =>
      `${change.field}: ${change.from ?? "not set"} \u2192 ${change.to ?? "removed"}`);
    return [summary,
      card(answer, [
        ["About", scope(answer.scope)],
        ["Changes", changes.join("; ")],
        ["Why (unchecked)", answer.reason],
        ["May decide", (answer.eligible ?? []).join(", ")],
        ["How", answer.how_to_decide],
        ["Page for people", answer.review_url],
        ["Version", answer.version],
        ["Digest", el("code", {}, answer.digest ?? "")],
      ]), decided, grounds(answer)];
  }
  const left = answer.next_cursor === undefined ? null : el("p", { class: "quiet" }, answer.hint ?? "There are more.");
  return [summary, answer.rows.map((row) => card(row, [])), left, decided, grounds(answer)];
}
