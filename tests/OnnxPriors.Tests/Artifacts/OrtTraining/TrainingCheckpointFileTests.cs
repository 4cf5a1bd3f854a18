using System.Collections.Immutable;
using System.Text.Json;
using Google.FlatBuffers;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Artifacts.OrtTraining;

[TestClass]
public sealed class TrainingCheckpointFileTests
{
    private string root = "";

    [TestInitialize]
    public void MakeFolder() => root = Directory.CreateTempSubdirectory("onnxpriors-checkpoint-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(root, recursive: true);

    [TestMethod]
    [DataRow(TrainingCheckpointFile.LargestInside, DisplayName = "inside")]
    [DataRow(100, DisplayName = "in a file beside it")]
    public void What_is_written_is_read_again(long largestInside)
    {
        var path = Path.Combine(root, "checkpoint");
        TrainingCheckpointFile.Write(path, Sample(), largestInside);
        Assert.AreEqual(largestInside == 100, File.Exists(path + ".data"));
        var read = TrainingCheckpointFile.Read(path);
        AssertSame(Sample().Trainable, read.Trainable);
        AssertSame(Sample().Frozen, read.Frozen);
        Assert.AreEqual(7, read.Optimizer!.Step);
        Assert.AreEqual(0.25f, read.Optimizer.InitialLearningRate);
        Assert.AreSequenceEqual(["weight", "bias"], read.Optimizer.States.Select(s => s.Parameter));
        AssertSame(Sample().Optimizer!.States[0].Moments, read.Optimizer.States[0].Moments);
        Assert.AreEqual(1L << 40, read.Integers["epoch"]);
        Assert.AreEqual(-1.5f, read.Numbers["best"]);
        Assert.AreEqual("Größe", read.Texts["note"]);
    }

    [TestMethod]
    public void Googles_reader_finds_the_same_and_every_place_is_aligned()
    {
        var path = Path.Combine(root, "checkpoint");
        TrainingCheckpointFile.Write(path, Sample());
        var buffer = new ByteBuffer(File.ReadAllBytes(path));
        Assert.IsTrue(Table.__has_identifier(buffer, "ODTC"));
        var root0 = new Table(buffer.GetInt(0), buffer);
        Assert.AreEqual(2, buffer.GetInt(Field(root0, 0)));
        var module = Child(root0, 1);
        var trainable = Elements(module, 0);
        Assert.HasCount(2, trainable);
        for (var i = 0; i < trainable.Length; i++)
        {
            var (tensor, expected) = (trainable[i], Sample().Trainable[i]);
            Assert.AreEqual(expected.Name, tensor.__string(Field(tensor, 0)));
            var dimensions = Field(tensor, 2);
            Assert.AreEqual(0, tensor.__vector(tensor.__offset(4 + 2 * 2)) % 8, "int64 elements are aligned to eight bytes");
            Assert.AreEqual(expected.Dimensions.Length, tensor.__vector_len(tensor.__offset(4 + 2 * 2)));
            Assert.AreEqual(1, buffer.GetInt(Field(tensor, 3)));
            var start = tensor.__vector(tensor.__offset(4 + 4 * 2));
            Assert.AreEqual(0, start % 16, "contents are aligned to 16 bytes");
            var values = expected.ToSingles();
            for (var j = 0; j < values.Length; j++)
                Assert.AreEqual(values[j], buffer.GetFloat(start + 4 * j));
            Assert.IsGreaterThan(0, dimensions);
        }
        var group = Elements(root0, 2).Single();
        Assert.AreEqual(0, Field(group, 1) % 8, "an int64 field is aligned to eight bytes");
        Assert.AreEqual(7L, buffer.GetLong(Field(group, 1)));
    }

    [TestMethod]
    public void Version_1_has_the_two_lists_of_parameters_and_no_flags()
    {
        // ort_training_checkpoint.fbs of 1.16 and 1.17: ModuleState ends after frozen_params, all other tables are as in version 2.
        var path = Path.Combine(root, "checkpoint");
        TrainingCheckpointFile.Write(path, Sample() with { Version = 1 });
        var buffer = new ByteBuffer(File.ReadAllBytes(path));
        var checkpoint = new Table(buffer.GetInt(0), buffer);
        Assert.AreEqual(1, buffer.GetInt(Field(checkpoint, 0)));
        var module = Child(checkpoint, 1);
        Assert.HasCount(2, Elements(module, 0));
        Assert.AreEqual(0, module.__offset(4 + 2 * 2), "is_nominal_state came with version 2");
        Assert.AreEqual(0, module.__offset(4 + 2 * 3), "has_external_data came with version 2");
        AssertSame(Sample().Trainable, TrainingCheckpointFile.Read(path).Trainable);
        Assert.AreEqual(7, TrainingCheckpointFile.Read(path).Optimizer!.Step);
    }

    [TestMethod]
    [RequiresShared]
    public void A_checkpoint_that_the_real_runtime_saved_is_read_with_its_optimizer_state()
    {
        var checkpoint = TrainingCheckpointFile.Read(SharedFiles.Path("ort-training-golden/checkpoint_after_50"));
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("ort-training-golden/losses.json")));
        var sums = golden.RootElement.GetProperty("parameter_sums_after_50");
        Assert.HasCount(10, checkpoint.Trainable);
        foreach (var tensor in checkpoint.Trainable)
        {
            var expected = sums.GetProperty(tensor.Name).GetDouble();
            // The file's sums are float64; what differs is their order.
            Assert.AreEqual(expected, tensor.ToSingles().Sum(v => (double)v), 1e-6 * Math.Max(1, Math.Abs(expected)));
        }
        Assert.AreEqual(50, checkpoint.Optimizer!.Step);
        Assert.HasCount(10, checkpoint.Optimizer.States);
        foreach (var state in checkpoint.Optimizer.States)
        {
            Assert.AreSequenceEqual(["momentum0", "momentum1"], state.Moments.Select(m => m.Name));
            Assert.IsTrue(state.Moments[1].ToSingles().All(v => v >= 0), "the second moment is a mean of squares");
            Assert.AreSequenceEqual(checkpoint.Trainable.Single(t => t.Name == state.Parameter).Dimensions, state.Moments[0].Dimensions);
        }
    }

    [TestMethod]
    public void A_damaged_file_is_refused_or_read_and_nothing_else()
    {
        var path = Path.Combine(root, "checkpoint");
        TrainingCheckpointFile.Write(path, Sample());
        var whole = File.ReadAllBytes(path);
        var random = new Random(5);
        var refused = 0;
        for (var trial = 0; trial < 600; trial++)
        {
            var bytes = trial % 3 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (var flips = trial % 3 == 0 ? 0 : random.Next(1, 4); flips > 0; flips--)
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, bytes);
            try
            {
                var read = TrainingCheckpointFile.Read(path);
                foreach (var tensor in read.Trainable.Concat(read.Frozen).Where(t => t.Type == ElementType.Float))
                    tensor.ToSingles();
            }
            catch (ArtifactException)
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(200, refused, "a cut file at least is always refused");
    }

    [TestMethod]
    public void Another_file_a_missing_one_and_missing_data_are_refused_by_name()
    {
        var path = Path.Combine(root, "notes.txt");
        File.WriteAllText(path, "no checkpoint at all");
        Assert.Contains("is not a checkpoint of ONNX Runtime Training", Refusal(() => TrainingCheckpointFile.Read(path)));
        File.WriteAllText(path, "");
        Assert.Contains("empty", Refusal(() => TrainingCheckpointFile.Read(path)));
        Assert.Contains("There is no checkpoint", Refusal(() => TrainingCheckpointFile.Read(path + "x")));
        TrainingCheckpointFile.Write(path, Sample(), 100);
        File.Delete(path + ".data");
        var read = TrainingCheckpointFile.Read(path);
        Assert.Contains("copy both files", Refusal(() => read.Trainable[0].ToSingles()));
        Assert.Contains("1.18", Refusal(() => TrainingCheckpointFile.Write(path, Sample() with { Version = 1 }, 100)));
    }

    private static TrainingCheckpoint Sample()
    {
        static CheckpointTensor Tensor(string name, ImmutableArray<long> shape, int seed)
        {
            var random = new Random(seed);
            return CheckpointTensor.Of(name, shape, Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => random.NextSingle() - 0.5f).ToArray());
        }
        return new()
        {
            Trainable = [Tensor("weight", [3, 7], 1), Tensor("bias", [3], 2)],
            Frozen = [Tensor("scalar", [], 3), Tensor("weight.prior_factor", [2, 21], 4)],
            Optimizer = new(7, 0.25f,
            [
                new("weight", [Tensor("momentum0", [3, 7], 5), Tensor("momentum1", [3, 7], 6)]),
                new("bias", [Tensor("momentum0", [3], 7), Tensor("momentum1", [3], 8)]),
            ]),
            Integers = ImmutableSortedDictionary<string, long>.Empty.Add("epoch", 1L << 40),
            Numbers = ImmutableSortedDictionary<string, float>.Empty.Add("best", -1.5f),
            Texts = ImmutableSortedDictionary<string, string>.Empty.Add("note", "Größe"),
        };
    }

    private static void AssertSame(IReadOnlyList<CheckpointTensor> expected, IReadOnlyList<CheckpointTensor> actual)
    {
        Assert.AreSequenceEqual(expected.Select(t => t.Name), actual.Select(t => t.Name));
        foreach (var (e, a) in expected.Zip(actual))
        {
            Assert.AreSequenceEqual(e.Dimensions, a.Dimensions);
            Assert.AreSequenceEqual(e.ToSingles(), a.ToSingles());
        }
    }

    private static string Refusal(Action action) => Assert.ThrowsExactly<ArtifactException>(action).Message;

    private static int Field(Table table, int slot) => table.bb_pos + table.__offset(4 + 2 * slot);

    private static Table Child(Table table, int slot) => new(table.__indirect(Field(table, slot)), table.bb);

    private static Table[] Elements(Table table, int slot)
    {
        var offset = table.__offset(4 + 2 * slot);
        var start = table.__vector(offset);
        return [.. Enumerable.Range(0, table.__vector_len(offset)).Select(i => new Table(table.__indirect(start + 4 * i), table.bb))];
    }
}
