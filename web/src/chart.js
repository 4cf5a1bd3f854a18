// A live chart of two series on one canvas: each has its own scale, named with its last value.

export function drawChart(canvas, series) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  context.font = '13px system-ui, sans-serif';
  series.forEach(({ name, color, values }, place) => {
    context.fillStyle = context.strokeStyle = color;
    const last = values.at(-1);
    context.textAlign = place ? 'right' : 'left';
    context.fillText(`${name}${last === undefined ? '' : ` ${last.toPrecision(4)}`}`, place ? width - 4 : 4, 15);
    if (values.length < 2) return;
    const [low, high] = [Math.min(0, ...values), Math.max(...values)];
    const span = high - low || 1;
    context.lineWidth = 2;
    context.beginPath();
    values.forEach((v, i) => context.lineTo(4 + (i / (values.length - 1)) * (width - 8), height - 6 - ((v - low) / span) * (height - 32)));
    context.stroke();
  });
}
