import { AIIntegrationsTab } from '@/features/integrations/components/AIIntegrationsTab';

export default function IntegrationsPage() {
  return <AIIntegrationsTab />;
}
