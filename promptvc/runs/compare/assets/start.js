// Draw everything, and follow the address.

function start() {
  renderHeader();
  renderNotices();
  renderScores();
  renderSlices();
  renderMeasures();
  renderFilters();
  buildRowTable();
  renderRows();
}

addEventListener("hashchange", () => {
  if (location.hash && !location.hash.includes("=")) return;
  state = readState();
  renderSlices();
  renderRows();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  goToRows();
});
start();
