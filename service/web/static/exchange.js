// Put the text of a chosen file into the field of an import; the form sends the field, with scripts and without.
const file = document.querySelector("#file");
file.closest("[hidden]").hidden = false;
file.addEventListener("change", async () => {
  if (file.files[0]) document.querySelector("#catalogue").value = await file.files[0].text();
});
