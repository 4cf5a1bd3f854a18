// Personalises a baked package: sample PACKAGE EXAMPLES.bin LABELS.txt OUT.onnx
// EXAMPLES.bin holds the preprocessed examples as float32, one after the other; LABELS.txt one class index a line.
using System.Globalization;
using System.Runtime.InteropServices;
using OnnxPriors.OnDevice;

if (args is not [var package, var examplesFile, var labelsFile, var output])
{
    Console.Error.WriteLine("usage: sample PACKAGE EXAMPLES.bin LABELS.txt OUT.onnx");
    return 2;
}
using var trainer = DeviceTrainer.Open(package);
var examples = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(examplesFile)).ToArray();
long[] labels = [.. File.ReadLines(labelsFile).Select(line => long.Parse(line, CultureInfo.InvariantCulture))];
var batch = new DeviceBatch(examples, trainer.ShapeOf(labels.Length), labels);
var options = new DeviceTrainingOptions { LearningRate = 1e-3f, Momentum = 0, PriorWeight = 1f / labels.Length };
foreach (var step in trainer.Train(Enumerable.Repeat(batch, 20), options))
    Console.WriteLine(FormattableString.Invariant($"{step.Step,3}  loss {step.Loss:F4}  prior {step.PriorEnergy:G4}"));
trainer.Export(output);
Console.WriteLine($"{output}, trained by {trainer.BackendName}");
return 0;
