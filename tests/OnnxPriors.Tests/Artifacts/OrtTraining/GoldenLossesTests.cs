using System.IO.Compression;
using System.Text.Json;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Testing;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Artifacts.OrtTraining;

/// <summary>What Microsoft's own tool and runtime made of a model, made again by the gradient model under ONNX Runtime.</summary>
[TestClass]
[RequiresShared]
public sealed class GoldenLossesTests
{
    [TestMethod]
    public void The_gradient_model_repeats_the_losses_of_the_real_training_runtime()
    {
        const int Batch = 16;
        const int Steps = 12;
        var model = ModelImporter.Import(OnnxFile.Load(SharedFiles.Path("models/cifar10-cnn-pytorch.onnx")), new() { Form = ImportForm.OwnHead });
        var gradient = GradientModel.Build(model.Graph, [.. model.Trainable.Select(t => t.Tensor)], new CrossEntropy());
        var bytes = OnnxFile.ToBytes(Model.Canonical(gradient.Graph));
        var (pictures, labels) = Batches();
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("ort-training-golden/losses.json")));
        var losses = golden.RootElement.GetProperty("loss").EnumerateArray().Select(v => v.GetDouble()).ToArray();
        var theta = TrainingCheckpointFile.Read(SharedFiles.Path("ort-training-golden/checkpoint")).Trainable.ToDictionary(t => t.Name, t => t.ToSingles());
        var (first, second) = (theta.ToDictionary(t => t.Key, t => new double[t.Value.Length]), theta.ToDictionary(t => t.Key, t => new double[t.Value.Length]));
        for (var step = 1; step <= Steps; step++)
        {
            var start = (step - 1) % 5 * Batch;
            var feeds = gradient.Parameters.ToDictionary(p => p.Name, p => TensorData.Of([.. theta[p.Name]], p.Tensor.Data!.Dimensions));
            feeds[gradient.Inputs[0].Name] = TensorData.Of(pictures[(start * 3072)..((start + Batch) * 3072)], Batch, 3, 32, 32);
            feeds[CrossEntropy.Labels] = TensorData.Vector(labels[start..(start + Batch)]);
            feeds[CrossEntropy.LabelCount] = TensorData.Of([(float)Batch], []);
            var found = OnnxRuntime.Run(bytes, feeds);
            // Two sets of kernels in float32, and what they differ by in a dozen updates.
            Assert.AreEqual(losses[step - 1], found[gradient.Loss].ToDouble()[0], 1e-4 * losses[step - 1], $"step {step}");
            foreach (var p in gradient.Parameters)
                Update(theta[p.Name], found[p.Gradient].ToSingle(), first[p.Name], second[p.Name], step);
        }
    }

    // AdamW as the golden optimizer model has it (adam_mode 1): rate 0.001, epsilon 1e-6 beside the uncorrected root, no decay.
    private static void Update(float[] theta, float[] gradient, double[] m, double[] v, int step)
    {
        var rate = 0.001 * Math.Sqrt(1 - Math.Pow(0.999, step)) / (1 - Math.Pow(0.9, step));
        for (var i = 0; i < theta.Length; i++)
        {
            m[i] = 0.9 * m[i] + 0.1 * gradient[i];
            v[i] = 0.999 * v[i] + 0.001 * gradient[i] * (double)gradient[i];
            theta[i] = (float)(theta[i] - rate * m[i] / (Math.Sqrt(v[i]) + 1e-6));
        }
    }

    private static (float[] Pictures, long[] Labels) Batches()
    {
        using var zip = ZipFile.OpenRead(SharedFiles.Path("ort-training-golden/batches.npz"));
        return ([.. Array("x.npy", 80 * 3072).Select(b => (b / 255f - 0.5f) / 0.5f)], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(Array("y.npy", 80 * 8)).ToArray());

        // An array's elements are the end of its file.
        byte[] Array(string name, int length)
        {
            using var stream = zip.GetEntry(name)!.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            return copy.ToArray()[^length..];
        }
    }
}
