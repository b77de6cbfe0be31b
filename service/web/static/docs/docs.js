// Draws /openapi.json. Everything is written as text, nothing as markup, and nothing is loaded from elsewhere.
"use strict";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function resolve(schema, api) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? api.components.schemas[name] : schema;
}

// A schema as an example-like outline: member names with their types.
function outline(schema, api, depth = 0) {
  const found = resolve(schema, api) || {};
  if (depth > 6) return "…";
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  if ("const" in found) return JSON.stringify(found.const);
  for (const word of ["oneOf", "anyOf"]) {
    if (found[word]) return found[word].map((one) => outline(one, api, depth)).join(" | ");
  }
  if (found.properties) {
    const pad = "  ".repeat(depth + 1);
    const required = new Set(found.required || []);
    const lines = Object.entries(found.properties).map(
      ([name, inner]) => `${pad}"${name}"${required.has(name) ? "" : "?"}: ${outline(inner, api, depth + 1)}`,
    );
    return `{\n${lines.join(",\n")}\n${"  ".repeat(depth)}}`;
  }
  if (found.type === "array") return `[${outline(found.items || {}, api, depth)}]`;
  return found.format || found.type || "object";
}

function call(path, method, operation, api) {
  const box = element("details");
  box.id = operation.operationId;
  const head = element("summary");
  head.append(element("b", method.toUpperCase(), "method"), element("code", path), " ", element("span", operation.summary));
  const inside = element("div", undefined, "inside");
  if (operation.parameters) {
    inside.append(element("h3", "Parameters"));
    const list = element("ul");
    for (const one of operation.parameters) {
      const item = element("li");
      item.append(element("code", one.name), ` in ${one.in}${one.required ? ", required" : ""}${one.description ? ": " + one.description : ""}`);
      list.append(item);
    }
    inside.append(list);
  }
  if (operation.requestBody) {
    for (const [media, content] of Object.entries(operation.requestBody.content)) {
      inside.append(element("h3", `Body, ${media}`), element("pre", outline(content.schema, api)));
    }
  }
  for (const [status, answer] of Object.entries(operation.responses)) {
    const [media, content] = Object.entries(answer.content || {})[0] || ["", null];
    inside.append(element("h3", `${status} · ${answer.description}`));
    if (content && media === "application/json") inside.append(element("pre", outline(content.schema, api)));
  }
  box.append(head, inside);
  box.dataset.words = `${method} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase();
  return box;
}

// A link to an operation's id opens it.
function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named instanceof HTMLDetailsElement) named.open = true;
  named.scrollIntoView();
}

function draw(api) {
  const calls = document.getElementById("calls");
  const doors = document.getElementById("doors");
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(call(path, method, operation, api));
    }
  }
  for (const [tag, boxes] of groups) {
    const section = element("section");
    const title = element("h2", tag === "public" ? "Public: no token" : `Door: ${tag}`);
    title.id = `door-${tag}`;
    section.append(title, ...boxes);
    calls.append(section);
    const link = element("a", tag);
    link.href = `#door-${tag}`;
    doors.append(link);
  }
  document.getElementById("search").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const section of calls.querySelectorAll("section")) {
      let shown = 0;
      for (const box of section.querySelectorAll("details")) {
        box.hidden = !box.dataset.words.includes(wanted);
        shown += box.hidden ? 0 : 1;
      }
      section.hidden = shown === 0;
    }
  });
}

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then((api) => {
    draw(api);
    document.getElementById("state").remove();
    addEventListener("hashchange", openNamed);
    openNamed();
  })
  .catch(() => {
    document.getElementById("state").textContent = "The document could not be read. Is the server still running?";
  });
