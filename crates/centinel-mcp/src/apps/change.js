// A change as a waterfall: before, each driver from where the last one ended, after.
const SVG = "http://www.w3.org/2000/svg";
function bar(from, to, least, span, kind) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 16");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", kind);
  rect.setAttribute("x", String(((Math.min(from, to) - least) / span) * 1000));
  rect.setAttribute("width", String(Math.max((Math.abs(to - from) / span) * 1000, 2)));
  rect.setAttribute("y", "2");
  rect.setAttribute("height", "12");
  svg.append(rect);
  return svg;
}
function draw(answer) {
  const currency = answer.currency;
  const effects = (answer.effects ?? []).filter((effect) => /[1-9]/.test(effect.amount));
  // Lengths only: what is printed is the text that came.
  let level = Number(answer.before);
  const steps = effects.map((effect) => {
    const from = level;
    level += Number(effect.amount);
    return { effect, from, to: level };
  });
  const ends = [0, Number(answer.before), Number(answer.after), ...steps.map((step) => step.to)];
  const least = Math.min(...ends), span = Math.max(...ends) - least || 1;
  const row = (name, text, drawn, kind) => el("tr", kind === "whole" ? { class: "whole" } : {},
    el("th", { scope: "row" }, name), el("td", { class: "amount" }, text), el("td", { class: "bar" }, drawn));
  const table = el("table", {},
    el("caption", {}, "Net cost before, what each driver did, net cost after"),
    el("tbody", {},
      row("Before", amount(answer.before, currency), bar(0, Number(answer.before), least, span, "whole"), "whole"),
      steps.map(({ effect, from, to }) => row(words(effect.driver), amount(effect.amount, currency, true),
        bar(from, to, least, span, effect.amount.startsWith("-") ? "down" : "up"), "")),
      row("After", amount(answer.after, currency), bar(0, Number(answer.after), least, span, "whole"), "whole")));
  const places = (answer.where ?? []).map((place) => [`${scope(place.scope)}: `, amount(place.delta, currency, true)]);
  const links = (answer.links ?? []).map((link) => [`${day(link.at)} ${words(link.kind)} ${link.name}`,
    ...(link.contribution === undefined ? [", a coincidence in time"] : [": ", amount(link.contribution, currency, true)])]);
  const title = [answer.anomaly_id, scope(answer.scope)].filter(Boolean).join(": ");
  return [
    el("h1", {}, title),
    el("p", {}, answer.summary),
    el("p", { class: "quiet" }, "Change ", amount(answer.delta, currency, true), ["",
      answer.started_at && `since ${day(answer.started_at)}`,
      answer.owner ? `owner ${answer.owner}` : "no owner",
      answer.proposal_id && `proposal ${answer.proposal_id}`,
    ].filter((part) => part !== undefined).join(" · ")),
    table,
    list("Where", places), list("Began near it", links),
    list("Ruled out", (answer.ruled_out ?? []).map(String)),
    grounds(answer),
  ];
}
