// Show /openapi.json as a page. Texts are set as text, never as markup, and nothing is loaded from other hosts.
"use strict";

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function resolve(schema, api) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? api.components.schemas[name] : schema;
}

// Return a schema as an outline: member names with their types, optional ones with a question mark.
function outline(schema, api, depth = 0) {
  const resolved = resolve(schema, api) || {};
  if (depth > 6) return "…";
  if (resolved.enum) return resolved.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in resolved) return JSON.stringify(resolved.const);
  for (const word of ["oneOf", "anyOf"]) {
    if (resolved[word]) return resolved[word].map((choice) => outline(choice, api, depth)).join(" | ");
  }
  if (resolved.properties) {
    const pad = "  ".repeat(depth + 1);
    const required = new Set(resolved.required || []);
    const lines = Object.entries(resolved.properties).map(
      ([name, inner]) => `${pad}"${name}"${required.has(name) ? "" : "?"}: ${outline(inner, api, depth + 1)}`,
    );
    return `{\n${lines.join(",\n")}\n${"  ".repeat(depth)}}`;
  }
  if (resolved.type === "array") return `[${outline(resolved.items || {}, api, depth)}]`;
  return resolved.format || resolved.type || "object";
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
    for (const parameter of operation.parameters) {
      const item = element("li");
      item.append(element("code", parameter.name), ` in ${parameter.in}${parameter.required ? ", required" : ""}${parameter.description ? ": " + parameter.description : ""}`);
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

// Open the operation whose id is in the address.
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
    const search = event.target.value.trim().toLowerCase();
    for (const section of calls.querySelectorAll("section")) {
      let shown = 0;
      for (const box of section.querySelectorAll("details")) {
        box.hidden = !box.dataset.words.includes(search);
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
