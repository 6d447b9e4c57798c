/* Search, filters, keys and the theme. The page is whole without it: it only shows and hides, and
   reads what it needs from the page's own elements. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const rows = [...document.querySelectorAll(".object")];
  const groups = [...document.querySelectorAll(".filter")].map((element) => ({
    key: element.dataset.filter,
    buttons: [...element.querySelectorAll("button")],
    chosen: new Set(),
  }));
  const search = $("search");
  root.classList.add("js");
  document.querySelectorAll(".tools, .toolbar").forEach((element) => { element.hidden = false; });

  // --- what is shown
  const texts = new Map(); // what is searched of a row, read when it is first needed
  const textOf = (row) => {
    if (!texts.has(row)) { // its own text: not the names of what it uses
      const parts = [...row.querySelectorAll("summary, .body > :not(.relation)")].map((part) => part.textContent);
      parts.push(`${row.dataset.kind}/${row.querySelector(".name").textContent}`);
      texts.set(row, parts.join(" ").toLowerCase());
    }
    return texts.get(row);
  };
  const words = () => (search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : []);
  const fits = (group, row) => !group.chosen.size || group.chosen.has(row.dataset[group.key]);

  function update() {
    const wanted = words();
    const counts = groups.map(() => new Map());
    let shown = 0;
    for (const row of rows) {
      const found = wanted.every((word) => textOf(row).includes(word));
      const misses = found ? groups.filter((group) => !fits(group, row)) : [null, null];
      row.hidden = misses.length > 0;
      if (!row.hidden) shown += 1;
      groups.forEach((group, index) => { // a choice counts what it would show, given the other groups
        if (misses.length === 0 || (misses.length === 1 && misses[0] === group)) {
          const value = row.dataset[group.key];
          counts[index].set(value, (counts[index].get(value) || 0) + 1);
        }
      });
    }
    groups.forEach((group, index) => showCounts(group, counts[index]));
    showSections(wanted);
    showTotal(shown, wanted);
  }

  function showCounts(group, counts) {
    for (const button of group.buttons) {
      const count = counts.get(button.value) || 0;
      button.querySelector(".number").textContent = count;
      button.classList.toggle("zero", count === 0);
      button.setAttribute("aria-pressed", group.chosen.has(button.value));
    }
  }

  function showSections(wanted) {
    const asked = wanted.length > 0 || chosen("impact").has("no-op");
    const narrowed = wanted.length > 0 || groups.some((group) => group.chosen.size);
    for (const quiet of document.querySelectorAll(".quiet")) {
      quiet.hidden = !quiet.querySelector(".object:not([hidden])");
      if (asked !== quiet.hasAttribute("data-asked")) {
        quiet.toggleAttribute("data-asked", asked);
        quiet.open = asked;
      }
    }
    for (const host of document.querySelectorAll(".host[data-host]")) {
      host.hidden = narrowed && !host.querySelector(".object:not([hidden])");
      host.querySelectorAll(".empty").forEach((line) => { line.hidden = narrowed; });
    }
  }

  function showTotal(shown, wanted) {
    if (!search) return;
    const narrowed = wanted.length > 0 || groups.some((group) => group.chosen.size);
    $("shown").textContent = narrowed ? `${shown} of ${rows.length} objects` : `${rows.length} objects`;
    $("clear").hidden = !narrowed;
    $("nothing").hidden = shown > 0;
  }

  const chosen = (key) => groups.find((group) => group.key === key)?.chosen || new Set();

  function clear() {
    groups.forEach((group) => group.chosen.clear());
    search.value = "";
    changed();
  }

  // --- the address: #?impact=restart,delete&kind=vm&q=web can be sent to somebody
  function changed() {
    update();
    const state = groups.filter((group) => group.chosen.size)
      .map((group) => `${group.key}=${[...group.chosen].map(encodeURIComponent).join(",")}`);
    if (search.value) state.push(`q=${encodeURIComponent(search.value)}`);
    history.replaceState(null, "", state.length ? `#?${state.join("&")}` : "#");
  }

  function decoded(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  }

  function restore() {
    const fragment = location.hash.slice(1);
    if (!fragment.startsWith("?")) {
      reveal(document.getElementById(fragment) || document.getElementById(decoded(fragment)));
      return;
    }
    const given = new Map(fragment.slice(1).split("&").map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)];
    }));
    for (const group of groups) {
      const known = new Set(group.buttons.map((button) => button.value));
      const values = (given.get(group.key) || "").split(",").map(decoded);
      group.chosen = new Set(values.filter((value) => known.has(value)));
    }
    if (search) search.value = decoded(given.get("q") || "");
    update();
    $("objects").scrollIntoView();
  }

  function reveal(target) {
    if (!target) return;
    if (target.matches(".object")) {
      if (target.hidden) {
        groups.forEach((group) => group.chosen.clear());
        search.value = "";
        update();
      }
      target.open = true;
    }
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView({ block: target.matches(".object") ? "center" : "start" });
    if (target.matches(".object")) target.querySelector("summary").focus({ preventScroll: true });
  }

  // --- keys
  const stops = () => [...document.querySelectorAll("#objects .object > summary, #objects .quiet > summary")]
    .filter((stop) => !stop.closest("[hidden]") && !stop.parentElement.parentElement.closest("details:not([open])"));

  function walk(by) {
    const all = stops();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement);
    const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  }

  const foldAll = (open) => rows.forEach((row) => { if (!row.hidden) row.open = open; });

  const KEYS = {
    "/": () => { search?.focus(); search?.select(); },
    "j": () => walk(1),
    "k": () => walk(-1),
    "e": () => foldAll(true),
    "c": () => foldAll(false),
    "?": () => $("keys").showModal(),
    "Escape": () => { if (search) clear(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const typing = event.target === search;
    if (typing && event.key !== "ArrowDown" && event.key !== "Escape") return;
    if (typing && event.key === "Escape") {
      search.blur();
      event.preventDefault();
      return;
    }
    const onRow = typing || event.target.matches?.(".object > summary, .quiet > summary");
    const arrow = onRow && { ArrowDown: "j", ArrowUp: "k" }[event.key];
    const action = KEYS[arrow || event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // --- light and dark
  const THEMES = ["auto", "light", "dark"];
  const remember = (theme) => { try { localStorage.setItem("kvmspec-theme", theme); } catch { /* a sandbox */ } };
  const remembered = () => { try { return localStorage.getItem("kvmspec-theme"); } catch { return null; } };
  function paint(theme) {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    $("theme").textContent = `Theme: ${theme}`;
  }
  let theme = THEMES.includes(remembered()) ? remembered() : "auto";
  paint(theme);
  $("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    paint(theme);
    remember(theme);
  });
  $("show-keys").addEventListener("click", () => $("keys").showModal());

  // --- the picture: what a node is joined to stands out
  const picture = document.querySelector(".topology");
  picture?.addEventListener("pointerover", (event) => {
    const node = event.target.closest(".node");
    picture.classList.toggle("tracing", Boolean(node));
    picture.querySelectorAll(".lit").forEach((lit) => lit.classList.remove("lit"));
    if (!node) return;
    node.classList.add("lit");
    const number = node.dataset.node;
    for (const edge of picture.querySelectorAll(`[data-from="${number}"], [data-to="${number}"]`)) {
      edge.classList.add("lit");
      const other = edge.dataset.from === number ? edge.dataset.to : edge.dataset.from;
      picture.querySelector(`[data-node="${other}"]`)?.classList.add("lit");
    }
  });
  picture?.addEventListener("pointerleave", () => picture.classList.remove("tracing"));

  // --- print: all that changes unfolded, and afterwards as it was
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open], .quiet, .quiet *)")];
    folded.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((fold) => { fold.open = false; }));

  if (search) {
    let due = 0;
    search.addEventListener("input", () => { clearTimeout(due); due = setTimeout(changed, 60); });
    document.querySelector(".toolbar").addEventListener("submit", (event) => event.preventDefault());
    for (const group of groups) {
      for (const button of group.buttons) {
        button.addEventListener("click", () => {
          if (!group.chosen.delete(button.value)) group.chosen.add(button.value);
          changed();
        });
      }
    }
    $("clear").addEventListener("click", clear);
    $("clear-too").addEventListener("click", clear);
    $("unfold").addEventListener("click", () => foldAll(true));
    $("fold").addEventListener("click", () => foldAll(false));
    update();
  }
  addEventListener("hashchange", restore);
  if (location.hash) addEventListener("load", restore); // after the browser has gone there by itself
})();
