//! Terraform and OpenTofu.

use super::{Draft, Format, Slot};

const TEXT: [&str; 1] = ["\""];
const BARE: [&str; 1] = [""];

impl Draft {
    /// `key = value` at a depth.
    fn hcl(&mut self, depth: usize, key: &str, path: &str, old: &str, new: &str, quotes: &[&str]) {
        let mark = self.pick(&["#", "//"]);
        self.gap(depth, mark);
        self.pad(depth);
        let equals = self.pick(&[" = ", "     = ", "=", " =  "]);
        self.push(&format!("{key}{equals}"));
        self.value(path, old, new, quotes);
        self.is_line();
        self.end(mark);
    }
}

/// A module.
pub(super) fn module(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Hcl, seed);
    let d = &mut draft;
    d.push("/* Web tier.\n   instance_type = \"ignored\" */\nterraform {\n  required_version = \">= 1.6\"\n}\n\n");
    d.push("locals {\n");
    d.hcl(1, "team", "locals.team", "search", "find", &TEXT);
    d.push("  name = \"${local.team}-${var.environment == \"prod\" ? \"p\" : \"d\"}\"\n}\n\n");
    for name in ["web", "batch"] {
        d.push(&format!("resource \"aws_instance\" \"{name}\" {{\n  ami = data.aws_ami.this.id\n"));
        let path = format!("resource.aws_instance.{name}");
        d.hcl(
            1,
            "instance_type",
            &format!("{path}.instance_type"),
            "m5.2xlarge",
            "m6g.xlarge",
            &TEXT,
        );
        d.hcl(1, "monitoring", &format!("{path}.monitoring"), "true", "false", &BARE);
        d.rooms.push(format!("{path}.hibernation"));
        d.push("\n  root_block_device {\n");
        d.hcl(
            2,
            "volume_size",
            &format!("{path}.root_block_device.volume_size"),
            "500",
            "200",
            &BARE,
        );
        d.hcl(
            2,
            "volume_type",
            &format!("{path}.root_block_device.volume_type"),
            "io1",
            "gp3",
            &TEXT,
        );
        d.push("  }\n");
        d.rooms.push(format!("{path}.root_block_device.kms_key_id"));
        for (device, size) in [("/dev/sdb", "100"), ("/dev/sdc", "200")] {
            d.push(&format!("  ebs_block_device {{\n    device_name = \"{device}\"\n"));
            d.hcl(
                2,
                "volume_size",
                &format!("{path}.ebs_block_device[device_name={device}].volume_size"),
                size,
                "50",
                &BARE,
            );
            d.push("  }\n");
        }
        d.push("  tags = {\n    Name = local.name\n");
        d.hcl(2, "CostCenter", &format!("{path}.tags.CostCenter"), "cc-1234", "cc-9", &TEXT);
        d.hcl(
            2,
            "\"kubernetes.io/role\"",
            &format!("{path}.tags.\"kubernetes.io/role\""),
            "worker",
            "spot",
            &TEXT,
        );
        d.push("  }\n");
        d.rooms.push(format!("{path}.tags.Owner"));
        d.push(
            "  user_data = <<-EOT\n    #!/bin/sh\n    instance_type = \"m5.2xlarge\" }\n    EOT\n",
        );
        d.push("  dynamic \"metadata_options\" {\n    for_each = var.options\n    content {\n      http_tokens = metadata_options.value\n    }\n  }\n");
        d.push("  lifecycle { create_before_destroy = true }\n}\n\n");
    }
    d.push("variable \"instance_count\" {\n  type        = number\n  description = \"How many, \\\"at least\\\" 2\"\n");
    d.hcl(1, "default", "variable.instance_count.default", "6", "4", &BARE);
    d.push("  validation {\n    condition     = var.instance_count > 1 && length(\"x\") < 9\n    error_message = \"Too few.\"\n  }\n}\n\n");
    d.push("module \"cache\" {\n  source = \"./cache\"\n");
    d.hcl(1, "node_type", "module.cache.node_type", "cache.r6g.large", "cache.t4g.small", &TEXT);
    d.push("  sizes  = { for k, v in var.sizes : k => v if v > 1 }\n  subnets = [for s in var.s : s.id]\n  scale = { web = ");
    d.value("module.cache.scale.web", "3", "2", &BARE);
    d.push(", batch = ");
    d.value("module.cache.scale.batch", "1", "0", &BARE);
    d.push(" }\n}\n");
    d.rooms.push("module.cache.scale.api".into());
    draft.finish()
}

/// `terraform.tfvars`.
pub(super) fn tfvars(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Hcl, seed);
    let d = &mut draft;
    d.push("# Sizes of production\n");
    d.hcl(0, "instance_type", "instance_type", "m5.large", "m5.xlarge", &TEXT);
    d.hcl(0, "instance_count", "instance_count", "12", "8", &BARE);
    d.hcl(0, "spot", "spot", "false", "true", &BARE);
    d.hcl(0, "share", "share", "0.75", "0.5", &BARE);
    d.hcl(0, "offset", "offset", "-2", "-1", &BARE);
    d.push("zones = [\n  \"eu-1a\", # first\n  \"");
    let start = d.text.len();
    d.push("eu-1b");
    let at = start..d.text.len();
    d.slots.push(Slot {
        path: "zones[1]".into(),
        old: "eu-1b".into(),
        new: "eu-1c".into(),
        at,
        is_line: false,
    });
    d.push("\",\n]\n");
    d.push("node_pools = {\n");
    for pool in ["general", "gpu"] {
        d.push(&format!("  {pool} = {{\n"));
        d.hcl(
            2,
            "machine_type",
            &format!("node_pools.{pool}.machine_type"),
            "n2-standard-8",
            "n2-standard-4",
            &TEXT,
        );
        d.hcl(2, "max", &format!("node_pools.{pool}.max"), "20", "10", &BARE);
        d.push("  },\n");
        d.rooms.push(format!("node_pools.{pool}.disk_type"));
    }
    d.push("}\n");
    d.rooms.push("region".into());
    draft.finish()
}
