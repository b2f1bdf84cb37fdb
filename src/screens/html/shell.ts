// The HTML in which the page of `kmend serve` runs, for every address: the script reads it.

export const shellHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>kmend</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<script type="module" src="/assets/page.js"></script>
</head>
<body>
<div id="page"><p class="quiet">This page needs JavaScript. <code>kmend report</code> does not.</p></div>
</body>
</html>
`;
