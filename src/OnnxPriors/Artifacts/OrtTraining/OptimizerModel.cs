using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx.Protobuf;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// The optimizer model of a package: one node over sequences of all parameters, gradients and moments, with the inputs by the names and in
/// the order that the runtime expects. AdamW is the library's own rule (decoupled decay before the update); SGD has no momentum there.
/// </summary>
internal static class OptimizerModel
{
    private const string FixedRate = "fixed_learning_rate";

    /// <summary>Why a rule cannot be packaged; null where it can.</summary>
    public static string? Refusal(Optimizer optimizer) => optimizer switch
    {
        AdamW or Sgd { Nesterov: false } or Sgld => null,
        Sgd => "the ORT Training API's SGD has no momentum, so none of Nesterov's either; leave --nesterov out, or take --optimizer adamw",
        _ => "the ORT Training API has no optimizer with a velocity; take sgd, adamw or sgld, or bake the step (--target step)",
    };

    public static byte[] Build(Optimizer optimizer, float? learningRate)
    {
        var graph = new GraphProto { Name = "optimizer" };
        graph.Input.Add(Tensor("learning_rate", ElementType.Float));
        graph.Input.Add(Tensor("step", ElementType.Int64));
        string[] sequences = optimizer is AdamW
            ? ["params", "gradients", "first_order_moments", "second_order_moments"]
            : ["params", "gradients", "first_order_moments"];
        graph.Input.Add(sequences.Select(Sequence));
        var rate = "learning_rate";
        if (learningRate is { } number)
        {
            rate = FixedRate;
            var value = new TensorProto { Name = FixedRate, DataType = (int)ElementType.Float, RawData = ByteString.CopyFrom(BitConverter.GetBytes(number)) };
            value.Dims.Add(1);
            graph.Initializer.Add(value);
        }
        const string Flag = "updated";
        var node = new NodeProto { Name = "optimizer", Domain = "com.microsoft" };
        if (optimizer is AdamW adamW)
        {
            node.OpType = "AdamWOptimizer";
            node.Input.Add([rate, "step", .. sequences]);
            node.Attribute.Add([Real("alpha", adamW.Beta1), Real("beta", adamW.Beta2), Real("epsilon", adamW.Epsilon), Real("weight_decay", adamW.WeightDecay)]);
            node.Attribute.Add([Whole("adam_mode", 0), Whole("correct_bias", 1)]);
        }
        else
        {
            node.OpType = "SGDOptimizerV2";
            node.Input.Add([rate, "params", "gradients"]);
        }
        node.Output.Add(Flag);
        graph.Node.Add(node);
        // AdamW gives a flag [1]; so does SGD, but declared with an axis the web runtime refuses it.
        graph.Output.Add(optimizer is AdamW ? Tensor(Flag, ElementType.Bool) : new ValueInfoProto { Name = Flag, Type = new() { TensorType = new() { ElemType = (int)ElementType.Bool } } });
        var canonical = Onnx.Model.Canonical(new GraphBuilder().Build([]));
        var model = new ModelProto { IrVersion = canonical.IrVersion, ProducerName = canonical.Producer, ProducerVersion = canonical.ProducerVersion, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = canonical.Opset });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 });
        return model.ToByteArray();
    }

    private static ValueInfoProto Tensor(string name, ElementType type)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = 1 });
        return new() { Name = name, Type = new() { TensorType = new() { ElemType = (int)type, Shape = shape } } };
    }

    private static ValueInfoProto Sequence(string name) => new()
    {
        Name = name,
        Type = new() { SequenceType = new() { ElemType = new() { TensorType = new() { ElemType = (int)ElementType.Float } } } },
    };

    private static AttributeProto Real(string name, double value) =>
        new() { Name = name, F = (float)value, Type = AttributeProto.Types.AttributeType.Float };

    private static AttributeProto Whole(string name, long value) =>
        new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };
}
