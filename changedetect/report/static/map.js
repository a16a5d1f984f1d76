"use strict";
/* The map: land, a grid of degrees, sites and changes, and the sites' own pictures when one zooms in. */
window.reportMap = function (data) {
  const pictureZoom = 11.5;
  const map = L.map("map", {
    attributionControl: false, zoomSnap: 0.5, minZoom: 1, maxZoom: 18, worldCopyJump: true,
    fadeAnimation: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  const swap = (ring) => ring.map(([lon, lat]) => [lat, lon]);
  for (const pane of ["land", "pictures"]) map.createPane(pane);
  map.getPane("land").style.zIndex = 200;
  map.getPane("pictures").style.zIndex = 300;
  for (const ring of data.land) {
    L.polygon(swap(ring), { pane: "land", className: "m-land", interactive: false, smoothFactor: 1.5 }).addTo(map);
  }
  L.control.scale({ imperial: false }).addTo(map);

  const grid = L.layerGroup().addTo(map);
  const steps = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];
  const degree = (value, step, [positive, negative]) => {
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    return Math.abs(value).toFixed(digits) + "°" + (value > 1e-9 ? positive : value < -1e-9 ? negative : "");
  };
  const label = (text) => {
    const span = document.createElement("span");
    span.textContent = text;
    return span;
  };
  const line = (ends, text) => {
    L.polyline(ends, { pane: "land", className: "m-grid", interactive: false, smoothFactor: 0, noClip: true }).addTo(grid);
    const icon = L.divIcon({ className: "m-degree", html: label(text), iconSize: null, iconAnchor: [-3, 0] });
    L.marker(ends[0], { icon, interactive: false, keyboard: false }).addTo(grid);
  };
  const drawGrid = () => {
    grid.clearLayers();
    const view = map.getBounds();
    const [west, east] = [view.getWest(), view.getEast()];
    const [south, north] = [Math.max(view.getSouth(), -85), Math.min(view.getNorth(), 85)];
    const step = steps.filter((one) => (east - west) / one <= 8).pop() || 30;
    for (let lon = Math.ceil(west / step) * step; lon <= east; lon += step) {
      line([[north, lon], [south, lon]], degree(((lon + 540) % 360) - 180, step, ["E", "W"]));
    }
    for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
      line([[lat, west], [lat, east]], degree(lat, step, ["N", "S"]));
    }
  };

  const popup = (title, link, text, rings) => {
    const box = document.createElement("div");
    const name = box.appendChild(document.createElement("strong"));
    name.dir = "auto";
    name.textContent = title.length > 120 ? title.slice(0, 120) + "…" : title;
    box.appendChild(document.createElement("br"));
    const anchor = box.appendChild(document.createElement("a"));
    anchor.href = link;
    anchor.textContent = text;
    if (rings.length) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Zoom in";
      button.addEventListener("click", () => { map.closePopup(); map.fitBounds(rings.map(swap), { padding: [20, 20], animate: false }); });
      box.append(document.createElement("br"), button);
    }
    return box;
  };

  const roomy = { maxWidth: 230, autoPanPaddingTopLeft: [52, 12], autoPanPaddingBottomRight: [12, 12] };
  const names = new Map(data.sites.map((site) => [site.id, site.name]));
  const everywhere = [];
  const pictures = [];
  const pins = L.layerGroup().addTo(map);
  for (const site of data.sites) {
    if (!site.at) continue;
    const at = [site.at[1], site.at[0]];
    everywhere.push(at);
    for (const ring of site.rings) L.polygon(swap(ring), { className: "m-site", interactive: false }).addTo(map);
    const told = site.status === "ok" ? `${site.n} ${site.n === 1 ? "change" : "changes"}` : site.status;
    const face = label(site.status === "failed" ? "×" : site.status === "poor" ? "?" : String(site.n));
    const look = site.status !== "ok" ? `p-${site.status}` : site.n ? "p-some" : "p-none";
    const icon = L.divIcon({ className: `pin ${look}`, html: face, iconSize: [28, 28] });
    L.marker(at, { icon, title: `${site.name.slice(0, 80)}: ${told}`, riseOnHover: true })
      .bindPopup(popup(site.name, `#site-${site.id}`, `${told}: go to the site`, site.rings), roomy).addTo(pins);
    if (site.bounds) pictures.push({ id: `pic-site-${site.id}`, bounds: site.bounds, layer: null });
  }
  const drawn = new Map();
  for (const change of data.changes) {
    const kind = `c-${change.kind}`;
    const group = L.layerGroup().addTo(map);
    for (const ring of change.rings) {
      L.polygon(swap(ring), { className: "halo", interactive: false }).addTo(group);
      L.polygon(swap(ring), { className: `line ${kind}`, fill: true, fillOpacity: 0 })
        .bindPopup(popup(names.get(change.site) || "", `#${change.link}`, `${change.kind}, confidence ${change.confidence}`, change.rings), roomy)
        .addTo(group);
    }
    drawn.set(change.id, group);
  }

  const drawPictures = () => {
    const near = map.getZoom() >= pictureZoom;
    const view = map.getBounds();
    for (const one of pictures) {
      const wanted = near && view.intersects(one.bounds);
      if (wanted && !one.layer) {
        const source = document.getElementById(one.id);
        if (source) one.layer = L.imageOverlay(source.src, one.bounds, { pane: "pictures", alt: "" }).addTo(map);
      } else if (!wanted && one.layer) {
        one.layer.remove();
        one.layer = null;
      }
    }
    const close = map.getZoom() >= pictureZoom + 1;
    if (close && map.hasLayer(pins)) pins.remove();
    if (!close && !map.hasLayer(pins)) pins.addTo(map);
  };
  const fit = () => {
    if (everywhere.length) map.fitBounds(everywhere, { maxZoom: 9, padding: [40, 40], animate: false });
    else map.setView([20, 0], 1.5);
  };
  map.on("moveend", () => { drawGrid(); drawPictures(); });
  fit();
  document.getElementById("fit").addEventListener("click", fit);

  return {
    keep(ids) {
      for (const [id, group] of drawn) {
        if (ids.has(id) !== map.hasLayer(group)) ids.has(id) ? group.addTo(map) : group.remove();
      }
    },
  };
};
