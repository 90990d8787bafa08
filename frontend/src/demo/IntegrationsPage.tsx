import { AIIntegrationsTab } from '../components/settings/AIIntegrationsTab';

export default function IntegrationsPage() {
  return <AIIntegrationsTab />;
}
