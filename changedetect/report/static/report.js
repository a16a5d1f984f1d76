"use strict";
/* The page: filters, sorting, sliders, copying, links to changes. Without it, everything is there, side by side. */
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const data = JSON.parse(document.getElementById("data").textContent);
  const map = window.reportMap(data);

  /* Filters and sorting */
  const table = document.getElementById("table");
  if (table) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const field = (name) => document.getElementById(`f-${name}`);
    const filter = () => {
      const text = field("text").value.trim().toLocaleLowerCase();
      const [kind, status, since] = ["kind", "status", "since"].map((name) => field(name).value);
      const [confidence, area] = ["confidence", "area"].map((name) => Number(field(name).value) || 0);
      const kept = new Set();
      for (const row of rows) {
        const told = row.dataset;
        const passes = (!text || told.site.toLocaleLowerCase().includes(text)) && (!kind || told.kind === kind)
          && (!status || told.status === status) && Number(told.confidence) >= confidence
          && Number(told.area) >= area && (!since || (told.since && told.since >= since));
        row.hidden = !passes;
        if (passes) kept.add(told.id);
      }
      document.getElementById("count").textContent = `${kept.size} of ${rows.length} changes`;
      document.getElementById("none").hidden = kept.size > 0;
      map.keep(kept);
    };
    const form = document.getElementById("filters");
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    filter();

    for (const head of all("th[data-key]", table)) {
      const key = head.dataset.key;
      const numeric = head.classList.contains("num");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const down = was ? was === "ascending" : numeric;
        for (const one of all("th[aria-sort]", table)) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const order = (one, other) => {
          const [a, b] = [one.dataset[key], other.dataset[key]];
          return numeric ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true });
        };
        const sorted = rows.slice().sort((one, other) => (down ? -1 : 1) * order(one, other));
        body.append(...sorted);
      });
    }
  }

  /* Before and after */
  for (const compare of all(".compare")) {
    const stage = compare.querySelector(".stage");
    const slide = compare.querySelector(".slide");
    const colour = compare.querySelector(".colour");
    const frames = all(".frame", stage);
    stage.dataset.colour = colour ? colour.value : frames[0].classList[2];
    const cut = () => {
      stage.style.setProperty("--cut", `${slide.value}%`);
      slide.setAttribute("aria-valuetext", `${slide.value} % before, ${100 - slide.value} % after`);
    };
    slide.hidden = false;
    slide.addEventListener("input", cut);
    cut();
    if (colour) colour.addEventListener("change", () => { stage.dataset.colour = colour.value; });
    const toggle = (box, target, name, meant) => {
      const input = compare.querySelector(box);
      const set = () => target.classList.toggle(name, input.checked === meant);
      input.addEventListener("change", set);
      set();
    };
    toggle(".show-outline", stage, "no-outlines", false);
    toggle(".show-side", stage, "side", true);
    toggle(".show-smooth", stage, "smooth", true);
  }

  /* Copying: the clipboard where the browser lets files use it, else a selection to copy from */
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      button.textContent = (await copy(button.dataset.copy)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  /* Links to changes move the keyboard there, too */
  const arrive = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.classList.contains("change")) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "start" });
    }
  };
  window.addEventListener("hashchange", arrive);
  arrive();
})();
