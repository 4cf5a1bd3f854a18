using System.Text.Json.Nodes;
using OnnxPriors.Cli.Tests.BadInput;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.PyTorch;

namespace OnnxPriors.Cli.Tests.Commands.Priors;

/// <summary>Every method and objective of <c>fit</c>, and what can be done with their files.</summary>
[TestClass]
public sealed class FitVerbTests : IDisposable
{
    private const string Quick = "--steps 40 --learning-rate 0.01";

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    [DataRow("--method swag --rank 3 " + Quick, "swag", 3, PosteriorForm.Swag)]
    [DataRow("--method swag --rank 2 --collected 10 " + Quick, "swag", 2, PosteriorForm.SwagPrincipal)]
    [DataRow("--method swag-diagonal " + Quick, "swag-diagonal", 0, PosteriorForm.SwagDiagonal)]
    [DataRow("--method laplace-fisher --curvature-samples 2", "laplace-fisher", 0, PosteriorForm.Laplace)]
    [DataRow("--method laplace-empirical --prior-precision 5", "laplace-empirical", 0, PosteriorForm.Laplace)]
    [DataRow("--method laplace-ggn", "laplace-ggn", 0, PosteriorForm.Laplace)]
    public void Every_method_gives_a_prior_that_bakes_trains_draws_and_is_shown(string options, string method, int rank, PosteriorForm form)
    {
        var report = JsonNode.Parse(bench.Done($"fit @model.onnx --data @data.csv -o @fit.safetensors {options} --threads 1 --json"))!;
        Assert.AreEqual((method, rank), ((string)report["method"]!, (int)report["rank"]!));
        Assert.AreEqual("cross-entropy", (string)report["objective"]!);
        Assert.IsNotNull(report["sourceAccuracy"]);
        using (var reader = PosteriorReader.Open(bench["fit.safetensors"]))
            Assert.AreEqual((form, rank), (reader.Metadata.Form, reader.Metadata.Rank));
        Assert.Contains(form.Normalisation(), bench.Done("prior info @fit.safetensors"));
        bench.Done("prior rescale @fit.safetensors -o @wide.safetensors --scale 3");
        bench.Done("prior sample @wide.safetensors -o @draws.safetensors --draws 2");
        bench.Done("bake @model.onnx --prior @wide.safetensors --epsilon 1e-3 --classes 3 -o @step");
        bench.Done("train @step --data @data.csv --epochs 1 -o @run");
    }

    [TestMethod]
    [DataRow("simclr --temperature 0.2")]
    [DataRow("barlow-twins --redundancy 0.01")]
    [DataRow("vicreg")]
    public void A_self_supervised_fit_takes_pictures_without_labels_and_leaves_the_head_out(string objective)
    {
        for (var i = 0; i < 12; i++)
        {
            bench.Write($"loose/{i}.jpg", Workbench.Picture((byte)(20 * i)));
            foreach (var part in (string[])["train", "val"])
                bench.Write($"labelled/{part}/{(i < 6 ? "dark" : "light")}/{i}.jpg", Workbench.Picture((byte)(20 * i)));
        }
        OnnxFile.Save(Pictures(), bench["pictures.onnx"]);
        var report = JsonNode.Parse(bench.Done(
            $"fit @pictures.onnx --data @loose --objective {objective} --preprocess unit --channels gray --batch 6 --steps 40 --learning-rate 0.01 --threads 1 --neighbours 3 --neighbour-data @labelled -o @fit.safetensors --json"))!;

        Assert.IsNull(report["sourceAccuracy"]);
        Assert.IsInRange(0, 1, (double)report["meanNeighbours"]!);
        var posterior = PosteriorFile.Read(bench["fit.safetensors"]);
        Assert.AreSequenceEqual(["conv.bias", "conv.weight"], posterior.Tensors.Select(t => t.Name).Order());
        Assert.Contains(objective.Split(' ')[0], posterior.Metadata.Hyperparameters);
        bench.Done("bake @pictures.onnx --prior @fit.safetensors --epsilon 1e-3 --classes 2 -o @step");
    }

    [TestMethod]
    [DataRow("--method laplace-ggn --steps 5", "--steps")]
    [DataRow("--method swag --prior-precision 5", "--prior-precision")]
    [DataRow("--method swag-diagonal --rank 3", "--rank")]
    [DataRow("--method swag --collected 3", "5")]
    [DataRow("--method laplace-ggn --prior-precision 0", "prior precision is 0")]
    [DataRow("--method laplace-ggn --batch-norm batch", "--batch-norm")]
    [DataRow("--method laplace-empirical --curvature-samples 3", "draws nothing")]
    [DataRow("--method laplace-fisher --objective simclr", "likelihood")]
    [DataRow("--temperature 0.2", "--temperature")]
    [DataRow("--objective vicreg --temperature 0.2", "--temperature")]
    [DataRow("--objective simclr --neighbours -1", "--neighbours is -1")]
    [DataRow("--checkpoint-every 0", "--checkpoint-every is 0")]
    public void Options_that_do_not_go_together_are_refused(string options, string why) =>
        bench.Refused($"fit @model.onnx --data @data.csv -o @out.safetensors {options}", why);

    [TestMethod]
    public void A_checkpoint_goes_once_the_prior_is_written_and_another_fits_is_refused()
    {
        const string Fit = "fit @model.onnx --data @data.csv --steps 40 --learning-rate 0.01 --threads 1 --checkpoint @at.safetensors --checkpoint-every 5";
        bench.Done($"{Fit} -o @one.safetensors");
        Assert.IsFalse(File.Exists(bench["at.safetensors"]));
        bench.WritePrior("at.safetensors");
        bench.Refused($"{Fit} -o @two.safetensors", "no checkpoint");
    }

    [TestMethod]
    public void Shards_of_the_data_merge_into_the_fit_of_the_whole()
    {
        var rows = Workbench.Rows(["aster", "bellis", "crocus"]).ToArray();
        File.WriteAllLines(bench["a.csv"], rows[..1].Concat(rows[1..25]));
        File.WriteAllLines(bench["b.csv"], rows[..1].Concat(rows[25..]));
        foreach (var (data, prior) in new[] { ("a.csv", "a"), ("b.csv", "b"), ("data.csv", "whole") })
            bench.Done($"fit @model.onnx --data @{data} --method laplace-ggn --threads 1 -o @{prior}.safetensors");
        Assert.Contains("60 examples", bench.Done("prior merge @a.safetensors @b.safetensors -o @merged.safetensors"));

        var (whole, merged) = (PosteriorFile.Read(bench["whole.safetensors"]), PosteriorFile.Read(bench["merged.safetensors"]));
        Assert.AreEqual(60, merged.Metadata.Samples);
        foreach (var (x, y) in whole.Parameters.Zip(merged.Parameters))
            for (var i = 0; i < x.Mean.Length; i++)
            {
                // Two sums rounded to float32 and added, against one.
                Assert.AreEqual(x.Curvature![i], y.Curvature![i], 2.4e-7 * x.Curvature[i]);
                Assert.AreEqual(x.Diagonal[i], y.Diagonal[i], 2.4e-7 * x.Diagonal[i]);
            }
        bench.Refused("prior merge @a.safetensors @prior.safetensors -o @x.safetensors", "of the method");
        bench.Refused("prior merge @a.safetensors -o @x.safetensors", "two prior files");
        bench.Done("prior merge @a.safetensors --prior-precision 9 -o @stiff.safetensors");
    }

    [TestMethod]
    public void The_papers_files_go_out_and_come_back()
    {
        bench.Done("prior export @prior.safetensors --model @model.onnx -o @four --name net");
        Assert.AreSequenceEqual(
            ["net_covmat.pt", "net_mean.pt", "net_model.pt", "net_onnxpriors.json", "net_variance.pt"], Directory.EnumerateFiles(bench["four"]).Select(f => Path.GetFileName(f)!).Order());
        bench.Done("prior import @four --model @model.onnx -o @back.safetensors");
        var (before, after) = (PosteriorFile.Read(bench["prior.safetensors"]), PosteriorFile.Read(bench["back.safetensors"]));
        Assert.AreSequenceEqual(["hidden.bias", "hidden.weight"], after.Tensors.Select(t => t.Name).Order());
        Assert.AreEqual((before.Metadata.Form, before.Metadata.Rank, before.Metadata.SourceSha256), (after.Metadata.Form, after.Metadata.Rank, after.Metadata.SourceSha256));
        foreach (var tensor in after.Parameters)
        {
            var same = before.Parameters.Single(t => t.Name == tensor.Name);
            Assert.AreSequenceEqual(same.Diagonal, tensor.Diagonal);
            Assert.AreEqual(same.Factor[0], tensor.Factor[0], 1e-7);
        }
        bench.Done("bake @model.onnx --prior @back.safetensors --classes 3 -o @step");

        File.Delete(bench["four/net_onnxpriors.json"]);
        bench.Refused("prior import @four --model @model.onnx -o @x.safetensors", "--normalisation");
        bench.Done("prior import @four --model @model.onnx -o @paper.safetensors --normalisation paper");
        Assert.AreEqual(1, PosteriorFile.Read(bench["paper.safetensors"]).Parameters[0].Diagonal[0]);
        bench.Refused("prior export @prior.safetensors --model @model.onnx -o @other --name a/b", "a/b");
        Workbench.Perceptron(2, hiddenUnits: 8);
        OnnxFile.Save(Workbench.Perceptron(2, hiddenUnits: 8), bench["small.onnx"]);
        bench.Refused("prior import @four --model @small.onnx -o @x.safetensors --normalisation paper", "belongs to another model", "hidden.weight");
    }

    [TestMethod]
    public void A_state_dictionary_becomes_the_models_weights()
    {
        TorchArchiveWriter.WriteDictionary(bench["state.pt"],
        [
            (new("hidden.weight", [4, 16]), (_, values) => values.Fill(1)), (new("hidden.bias", [16]), (_, values) => values.Fill(2)),
            (new("head.weight", [16, 5]), (_, values) => values.Fill(3)), (new("head.bias", [5]), (_, values) => values.Fill(4)), (new("bn.num_batches_tracked", []), null),
        ]);
        bench.Done("import @model.onnx --weights @state.pt -o @new.onnx");
        var model = OnnxFile.Load(bench["new.onnx"]);
        foreach (var (name, value) in new[] { ("hidden.weight", 1f), ("hidden.bias", 2), ("head.weight", 3), ("head.bias", 4) })
            Assert.AreEqual(value, model.Graph.Parameters.Single(p => p.Name == name).Data!.ToSingle()[^1]);
        // It is another model now, and a prior of the first is none of its own.
        bench.Refused("bake @new.onnx --prior @prior.safetensors --classes 3 -o @step", "fitted to another model");
        bench.Done("import @model.onnx --weights @state.pt --classes 3 -o @fresh.onnx");

        TorchArchiveWriter.WriteDictionary(bench["bad.pt"], [(new("hidden.weight", [16, 4]), (_, v) => v.Fill(1)), (new("hidden.bias", [16]), (_, v) => v.Fill(1)), (new("extra", [1]), (_, v) => v.Fill(1))]);
        bench.Refused("import @model.onnx --weights @bad.pt -o @x.onnx", "hidden.weight is [16, 4] in the weights and [4, 16] in the model", "missing: head.weight", "not in the model: extra");
        bench.Write("evil.pt", "cos\nsystem\n."u8.ToArray());
        bench.Refused("import @model.onnx --weights @evil.pt -o @x.onnx", "@evil.pt", "torch.save");
    }

    private static Model Pictures()
    {
        var random = new Random(1);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 1, 8, 8]);
        var conv = b.Relu(b.Apply("Conv", [x, Weights("conv.weight", 3, 1, 3, 3), Weights("conv.bias", 3)]));
        var pooled = b.Reshape(b.Apply("GlobalAveragePool", [conv]), -1, 3);
        return Model.Canonical(b.Build([("scores", b.Gemm(pooled, Weights("head.weight", 3, 5), Weights("head.bias", 5)))]));

        Value Weights(string name, params long[] shape) =>
            b.Parameter(name, TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate((p, q) => p * q)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]));
    }
}
