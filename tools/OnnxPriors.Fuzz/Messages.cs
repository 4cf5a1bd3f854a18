using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Fuzz;

/// <summary>Changes to a model's message that keep it a message: what byte changes seldom reach.</summary>
internal static class Messages
{
    private const int MaxMessages = 3_000;

    private static readonly string[] Operators =
    [
        "If", "Loop", "Scan", "Reshape", "Expand", "Tile", "Range", "ConstantOfShape", "Pad", "Resize", "Slice", "Gather", "Concat", "Split", "Conv", "ConvTranspose", "MaxPool",
        "AveragePool", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "ReduceSum", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Constant", "Cast", "BatchNormalization", "TopK",
        "OneHot", "Where", "Shape", "SequenceInsert", "SequenceAt", "SplitToSequence", "ConcatFromSequence", "Optional", "DepthToSpace", "GatherND", "ScatterND", "CumSum", "Add", "Mul",
        "Div", "Mod", "Pow", "Softmax", "Dropout", "LayerNormalization", "GridSample", "Col2Im", "DFT", "STFT", "MelWeightMatrix", "Attention", "Shrink", "Flatten", "NonZero", "Unique",
        "QuantizeLinear", "DequantizeLinear", "RoiAlign", "EyeLike", "SpaceToDepth", "ReverseSequence", "Trilu", "Compress", "Upsample",
        "RMSNormalization", "RotaryEmbedding", "GroupNormalization", "LinearAttention", "CausalConvWithState", "Swish", "SwiGLU", "Gelu", "Mish", "CumProd", "TensorScatter", "BitCast",
        "CenterCropPad", "DeformConv", "AffineGrid", "ImageScaler", "Crop", "Affine", "LpPool", "MaxUnpool", "MaxRoiPool", "QLinearConv", "DynamicQuantizeLinear", "ScatterElements",
        "GatherElements", "ReduceMean", "ReduceMax", "ArgMax", "PRelu", "Clip", "InstanceNormalization", "LRN", "RNN", "Bernoulli", "NegativeLogLikelihoodLoss", "HammingWindow",
    ];

    /// <summary>Changes a model in a few places.</summary>
    public static void Mutate(ModelProto model, Random random, string secret)
    {
        for (var changes = random.Next(1, 6); changes > 0; changes--)
        {
            switch (random.Next(14))
            {
                case 0:
                    External(model, random, secret);
                    break;
                case 1:
                    Circle(model, random);
                    break;
                case 2:
                    Nest(model, random);
                    break;
                case 3:
                    CallItself(model, random);
                    break;
                default:
                    Field(model, random);
                    break;
            }
        }
    }

    // One field of one message, whatever it is.
    private static void Field(ModelProto model, Random random)
    {
        var all = new List<IMessage>();
        Gather(model, all);
        var message = all[random.Next(all.Count)];
        if (message is NodeProto other && random.Next(6) == 0)
        {
            other.Domain = random.Next(3) == 0 ? "com.microsoft" : "";
            other.OpType = random.Next(2) == 0 ? other.OpType : Operators[random.Next(Operators.Length)];
            return;
        }
        if (message is OperatorSetIdProto import && random.Next(2) == 0)
        {
            import.Version = random.Next(5, 30);
            return;
        }
        var fields = message.Descriptor.Fields.InDeclarationOrder();
        if (fields.Count == 0)
            return;
        var field = fields[random.Next(fields.Count)];
        if (field.IsRepeated)
        {
            Repeated((IList)field.Accessor.GetValue(message), field, all, random);
            return;
        }
        if (random.Next(8) == 0)
        {
            field.Accessor.Clear(message);
            return;
        }
        if (Value(field, field.Accessor.GetValue(message), all, random) is { } value)
            field.Accessor.SetValue(message, value);
    }

    private static void Repeated(IList list, FieldDescriptor field, List<IMessage> all, Random random)
    {
        var at = list.Count == 0 ? 0 : random.Next(list.Count);
        switch (random.Next(5))
        {
            case 0 when list.Count > 0:
                list.RemoveAt(at);
                break;
            case 1 when list.Count > 0:
                list.Add(list[at] is IMessage one ? Copy(one) : list[at]!);
                break;
            case 2 when list.Count > 1:
                var (first, second) = (list[at]!, list[random.Next(list.Count)]!);
                if (first is not IMessage)
                    list[at] = second;
                break;
            default:
                if (list.Count > 0 && random.Next(2) == 0)
                {
                    if (Value(field, list[at], all, random) is { } changed)
                        list[at] = changed;
                }
                else if (Value(field, null, all, random) is { } added)
                {
                    list.Add(added);
                }
                break;
        }
    }

    private static object? Value(FieldDescriptor field, object? old, List<IMessage> all, Random random) => field.FieldType switch
    {
        FieldType.Int64 => Bytes.Number(random),
        FieldType.Int32 => field.Name is "elem_type" or "data_type" ? random.Next(0, 25) : unchecked((int)Bytes.Number(random)),
        FieldType.UInt64 => unchecked((ulong)Bytes.Number(random)),
        FieldType.Float => random.Next(4) switch { 0 => float.NaN, 1 => float.PositiveInfinity, 2 => -1f, _ => (float)(random.NextDouble() * 4) },
        FieldType.Double => random.Next(3) switch { 0 => double.NaN, 1 => 1e300, _ => random.NextDouble() },
        FieldType.String => Text(field, all, random),
        FieldType.Bytes => ByteString.CopyFrom(Bytes.Mutate(old is ByteString { Length: > 0 } bytes ? bytes.ToByteArray() : new byte[random.Next(64)], random)),
        FieldType.Enum => random.Next(0, 16),
        FieldType.Message => Other(field.MessageType, all, random),
        _ => null,
    };

    // Names that other parts of the model have are the ones that matter.
    private static string Text(FieldDescriptor field, List<IMessage> all, Random random)
    {
        if (field.Name == "op_type" && random.Next(3) > 0)
            return Operators[random.Next(Operators.Length)];
        for (var tries = 0; tries < 8; tries++)
        {
            var other = all[random.Next(all.Count)];
            if (other is NodeProto node && node.Output.Count > 0)
                return node.Output[random.Next(node.Output.Count)];
            if (other is NodeProto { Input.Count: > 0 } reader)
                return reader.Input[random.Next(reader.Input.Count)];
            if (other is AttributeProto attribute)
                return attribute.Name;
            if (other is TensorProto tensor)
                return tensor.Name;
        }
        return random.Next(3) switch { 0 => "", 1 => new string('x', 5000), _ => "batch" };
    }

    private static IMessage? Other(MessageDescriptor type, List<IMessage> all, Random random)
    {
        var fitting = all.Where(m => m.Descriptor == type).ToList();
        return fitting.Count > 0 && random.Next(5) > 0 ? Copy(fitting[random.Next(fitting.Count)]) : type.Parser.ParseFrom([]);
    }

    private static IMessage Copy(IMessage message) => message.Descriptor.Parser.ParseFrom(message.ToByteArray());

    private static void Gather(IMessage message, List<IMessage> all)
    {
        if (all.Count >= MaxMessages)
            return;
        all.Add(message);
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.FieldType != FieldType.Message)
                continue;
            if (field.IsRepeated)
                foreach (var item in (IList)field.Accessor.GetValue(message))
                    Gather((IMessage)item, all);
            else if (field.Accessor.GetValue(message) is IMessage inner)
                Gather(inner, all);
        }
    }

    private static void External(ModelProto model, Random random, string secret)
    {
        if (model.Graph is not { Initializer.Count: > 0 } graph)
            return;
        var tensor = graph.Initializer[random.Next(graph.Initializer.Count)];
        string[] places = ["../secret.bin", secret, "link.bin", "linked/secret.bin", "weights.bin", "weights.bin", "./weights.bin", "a/../../secret.bin", "..\\secret.bin", "", ".", "linked", "/etc/passwd", "file:///etc/passwd", "weights.bin\0"];
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        if (random.Next(2) == 0)
            tensor.ClearRawData();
        Add("location", places[random.Next(places.Length)]);
        if (random.Next(2) == 0)
            Add("offset", $"{Bytes.Number(random)}");
        if (random.Next(3) == 0)
            Add("length", $"{Bytes.Number(random)}");

        void Add(string key, string value) => tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    private static void Circle(ModelProto model, Random random)
    {
        if (model.Graph is not { Node.Count: > 1 } graph)
            return;
        var (reader, writer) = (graph.Node[random.Next(graph.Node.Count)], graph.Node[random.Next(graph.Node.Count)]);
        if (reader.Input.Count > 0 && writer.Output.Count > 0)
            reader.Input[random.Next(reader.Input.Count)] = writer.Output[0];
    }

    // A graph inside a graph inside a graph; protobuf's own limit is at 100 messages.
    private static void Nest(ModelProto model, Random random)
    {
        if (model.Graph is not { Node.Count: > 0 } graph)
            return;
        var node = graph.Node[random.Next(graph.Node.Count)];
        for (var depth = random.Next(1, 40); depth > 0; depth--)
        {
            var outer = new NodeProto { OpType = random.Next(2) == 0 ? "If" : "Loop", Input = { node.Input }, Output = { node.Output } };
            var inner = new GraphProto { Node = { node.Clone() } };
            foreach (var output in node.Output)
                inner.Output.Add(new ValueInfoProto { Name = output });
            foreach (var name in (string[])["then_branch", "else_branch", "body"])
                if (random.Next(3) == 0 || name == "then_branch")
                    outer.Attribute.Add(new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = name == "then_branch" ? inner : new GraphProto() });
            node = outer;
        }
        graph.Node.Add(node);
    }

    private static void CallItself(ModelProto model, Random random)
    {
        if (model.Graph is not { Node.Count: > 0 } graph)
            return;
        var node = graph.Node[random.Next(graph.Node.Count)];
        var function = new FunctionProto { Name = node.OpType, Domain = node.Domain, Input = { node.Input }, Output = { node.Output } };
        for (var i = random.Next(1, 4); i > 0; i--)
            function.Node.Add((random.Next(2) == 0 ? node : graph.Node[random.Next(graph.Node.Count)]).Clone());
        model.Functions.Add(function);
    }
}
