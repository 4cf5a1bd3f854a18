using System.Text;
using OnnxPriors.Onnx;

namespace OnnxPriors.Cli.Tests.BadInput;

[TestClass]
public sealed class BadPriorTests : IDisposable
{
    private const string BakeIt = "bake @model.onnx --prior @bad.safetensors --classes 3 -o @step";

    // No other value has its bits; it is replaced in the file, since the library writes no such values.
    private const float Marked = 777.125f;

    private readonly Workbench bench = new();

    public void Dispose() => bench.Dispose();

    [TestMethod]
    public void A_prior_of_another_model_is_refused_with_every_tensor_that_does_not_fit()
    {
        OnnxFile.Save(Workbench.Perceptron(1, hiddenUnits: 8), bench["narrow.onnx"]);
        bench.WritePrior("bad.safetensors", "narrow.onnx");
        bench.Refused(BakeIt, "@bad.safetensors", "belongs to another model", "hidden.weight is [4, 8] in the prior and [4, 16] in the model", "hidden.bias", "Use the prior that was fit from this model");
        OnnxFile.Save(Workbench.Perceptron(1, head: "classifier"), bench["renamed.onnx"]);
        bench.WritePrior("bad.safetensors", "renamed.onnx");
        bench.Refused(BakeIt, "@bad.safetensors", "not in the model: classifier.weight", "not in the model: classifier.bias");
    }

    [TestMethod]
    public void A_prior_of_a_model_with_the_same_tensors_and_other_weights_is_refused_unless_it_is_allowed()
    {
        OnnxFile.Save(Workbench.Perceptron(2), bench["twin.onnx"]);
        bench.WritePrior("bad.safetensors", "twin.onnx");
        bench.Refused(BakeIt, "@bad.safetensors", "fitted to another model", "SHA-256", OnnxFile.Load(bench["twin.onnx"]).Sha256, OnnxFile.Load(bench["model.onnx"]).Sha256, "--allow-other-source");
        bench.Done(BakeIt + " --allow-other-source");
    }

    [TestMethod]
    public void A_prior_of_the_file_that_a_model_was_imported_from_is_its_own()
    {
        bench.Done("import @model.onnx -o @imported.onnx");
        bench.Done("bake @imported.onnx --prior @prior.safetensors --classes 3 -o @step");
    }

    [TestMethod]
    [DataRow("mean")]
    [DataRow("diagonal")]
    [DataRow("factor")]
    public void A_value_that_is_no_number_is_named_by_every_verb_that_reads_it(string part)
    {
        bench.WritePrior("bad.safetensors", change: tensor =>
        {
            if (tensor.Name == "hidden.bias")
                (part switch { "mean" => tensor.Mean, "diagonal" => tensor.Diagonal, _ => tensor.Factor })[3] = Marked;
        });
        bench.Patch("bad.safetensors", Bits(Marked), Bits(float.NaN));
        foreach (var line in (string[])[BakeIt, "prior info @bad.safetensors", "prior sample @bad.safetensors -o @out", "prior rescale @bad.safetensors -o @out --scale 2"])
            bench.Refused(line, "@bad.safetensors", $"'{part}/hidden.bias' is not finite (NaN) at element 3", "Fit the prior again");
    }

    [TestMethod]
    public void A_variance_below_zero_is_refused()
    {
        bench.WritePrior("bad.safetensors", change: tensor => tensor.Diagonal[0] = Marked);
        bench.Patch("bad.safetensors", Bits(Marked), Bits(-1));
        bench.Refused(BakeIt, "is negative (-1) at element 0", "Fit the prior again");
    }

    [TestMethod]
    [DataRow(BakeIt)]
    [DataRow("prior info @bad.safetensors")]
    [DataRow("prior sample @bad.safetensors -o @out")]
    [DataRow("prior rescale @bad.safetensors -o @out")]
    public void A_file_that_is_no_whole_prior_is_refused(string line)
    {
        var whole = File.ReadAllBytes(bench["prior.safetensors"]);
        foreach (var length in (int[])[whole.Length - 4, 300, 9, 3, 0])
        {
            File.WriteAllBytes(bench["bad.safetensors"], whole[..length]);
            bench.Refused(line, "@bad.safetensors");
        }
        File.WriteAllText(bench["bad.safetensors"], "{\"mean\": 1} and more text than a header's length takes");
        bench.Refused(line, "@bad.safetensors");
        File.Copy(bench["prior.safetensors"], bench["bad.safetensors"], overwrite: true);
        bench.Patch("bad.safetensors", "onnxpriors-prior", "somebody-else's.");
        bench.Refused(line, "@bad.safetensors", "no prior", "onnxpriors fit");
        File.Copy(bench["prior.safetensors"], bench["bad.safetensors"], overwrite: true);
        bench.Patch("bad.safetensors", "\"rank\":\"2\"", "\"rank\":\"1\"");
        bench.Refused(line, "@bad.safetensors", "rank=1", "--rank 2 or more");
    }

    [TestMethod]
    [DataRow("--scale 0", "above 0")]
    [DataRow("--scale -1", "above 0")]
    [DataRow("--scale NaN", "above 0")]
    [DataRow("--epsilon -1e-9", "ε")]
    [DataRow("--rank 1", "2")]
    [DataRow("--rank 3", "2")]
    public void A_rescaling_out_of_range_leaves_nothing(string option, string words)
    {
        var name = option.Split(' ')[0] switch { "--scale" => "λ", "--epsilon" => "ε", _ => "rank" };
        bench.Refused($"bake @model.onnx --prior @prior.safetensors --classes 3 -o @step {option}", name, words);
        bench.Refused($"prior rescale @prior.safetensors -o @out {option}", name, words);
        bench.Refused($"prior sample @prior.safetensors -o @out {option}", name, words);
    }

    private static string Bits(float value) => Encoding.Latin1.GetString(BitConverter.GetBytes(value));
}
